import { randomUUID } from 'node:crypto';
import { HttpLane, overLanes } from '../../load-tests/http-lane.ts';
import type { PlannedVote } from '../../load-tests/plan-votes.ts';

/** What the client saw of one planned vote, in the end. */
export interface CastVote {
  vote: PlannedVote;
  /** The last answer; 0 if the connection broke and the client gave up. */
  status: number;
  /** The ballot id of a 202. */
  ballotId?: string;
  body: string;
}

export interface CastOptions {
  lanes: number;
  /**
   * A vote is sent again after a 503, a 429 or a broken connection until there is an answer that a retry won't change, for so long at
   * the most; a minute by default. On a busy machine ingestion may well refuse a few.
   */
  retryForMs?: number;
  onAnswer?: (done: number) => void;
}

/** Casts the votes concurrently, each under an Idempotency-Key, and keeps what each client saw. */
export async function castVotes(
  url: string,
  votes: readonly PlannedVote[],
  options: CastOptions,
): Promise<CastVote[]> {
  const history: CastVote[] = [];
  await overLanes(url, options.lanes, votes, async (lane, vote) => {
    const deadline = Date.now() + (options.retryForMs ?? 60_000);
    const request = HttpLane.post('/api/v1/vote', vote.body, { 'Idempotency-Key': randomUUID() });
    for (;;) {
      const answer = await lane.send(request).catch(() => undefined);
      const again = answer === undefined || answer.status === 503 || answer.status === 429;
      if (again && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      const { status = 0, body = '' } = answer ?? {};
      const ballotId = status === 202 ? (JSON.parse(body) as { request_id: string }).request_id : undefined;
      history.push({ vote, status, body, ...(ballotId !== undefined && { ballotId }) });
      break;
    }
    options.onAnswer?.(history.length);
  });
  return history;
}
