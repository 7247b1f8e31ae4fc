import { randomUUID } from 'node:crypto';
import { HttpLane, overLanes } from '@scrutin/load-tests/http-lane.ts';
import type { PlannedVote, VoteKind } from '@scrutin/load-tests/plan-votes.ts';
import { pause } from '@scrutin/shared/retry.ts';

/** Connections at once: a busy polling station, not a load test. */
const LANES = 32;
/** Milliseconds that one vote is tried for before the run is given up. */
const VOTE_LIMIT_MS = 60_000;

export interface CastReport {
  /** Votes answered with 202, by kind. */
  accepted: Partial<Record<VoteKind, number>>;
  /** Votes answered otherwise, by kind and status. */
  refused: Partial<Record<VoteKind, Record<number, number>>>;
  /** Milliseconds since the epoch of the first POST, and how long all took. */
  begun: number;
  ms: number;
}

/**
 * Casts the votes over HTTP. A busy answer (429, 503) is followed as it says, and a broken connection tried
 * again under the same Idempotency-Key, so that whatever happens each planned vote is one ballot (P3).
 */
export async function castVotes(
  url: string,
  votes: readonly PlannedVote[],
  onCast: (done: number) => void,
  signal?: AbortSignal,
): Promise<CastReport> {
  const report: CastReport = { accepted: {}, refused: {}, begun: Date.now(), ms: 0 };
  let done = 0;
  await overLanes(url, LANES, votes, async (lane, { kind, body }) => {
    const status = await cast(lane, body, signal);
    if (status === 202) report.accepted[kind] = (report.accepted[kind] ?? 0) + 1;
    else {
      const statuses = report.refused[kind] ?? {};
      report.refused[kind] = { ...statuses, [status]: (statuses[status] ?? 0) + 1 };
    }
    onCast(++done);
  });
  report.ms = Date.now() - report.begun;
  return report;
}

async function cast(lane: HttpLane, body: string, signal: AbortSignal | undefined): Promise<number> {
  const request = HttpLane.post('/api/v1/vote', body, { 'Idempotency-Key': randomUUID() });
  const deadline = Date.now() + VOTE_LIMIT_MS;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await lane.send(request).catch((error: Error) => error);
    if (!(answer instanceof Error) && answer.status !== 429 && answer.status !== 503) return answer.status;
    if (Date.now() > deadline)
      throw new Error(
        answer instanceof Error
          ? `ingestion can’t be reached: ${answer.message}`
          : `ingestion answers ${answer.status}: ${answer.body}`,
      );
    await pause(answer instanceof Error ? 200 : Math.min(5, answer.retryAfter ?? 1) * 1000, signal);
  }
}
