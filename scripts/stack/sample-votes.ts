import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Elector, expectedCounts, type PlannedVote, planVotes } from '@scrutin/load-tests/plan-votes.ts';
import { pause } from '@scrutin/shared/retry.ts';
import type pg from 'pg';
import { type CastReport, castVotes } from './cast-sample.ts';
import { outcomesOf, readTally, type Tally } from './tally.ts';

/** Shares of the valid votes. What is left to the asked-for number is malformed: about 1 %. */
const REPEATS = 0.03;
const CHANGES = 0.02;
const INELIGIBLE = 0.02;
const MALFORMED = 0.01;

export interface SamplePlan {
  votes: PlannedVote[];
  /** Cast after `votes` were counted: the same electors and laws with the other choice. */
  changes: PlannedVote[];
  /** Electors that this plan uses up. */
  electors: number;
}

/** How many valid votes make `votes` altogether, and how many electors cast them. */
export function sampleSize(votes: number, laws: number): { valid: number; electors: number } {
  const valid = Math.max(1, Math.floor(votes / (1 + REPEATS + CHANGES + INELIGIBLE + MALFORMED)));
  return { valid, electors: Math.ceil(valid / laws) };
}

/** Plans `votes` sample votes, all kinds together. */
export function planSample(electors: readonly Elector[], laws: readonly string[], votes: number): SamplePlan {
  const { valid, electors: used } = sampleSize(votes, laws.length);
  const others = [REPEATS, CHANGES, INELIGIBLE].reduce((sum, share) => sum + Math.round(valid * share), 0);
  const plan = planVotes({
    electors,
    laws,
    valid,
    repeats: REPEATS,
    changes: CHANGES,
    ineligible: INELIGIBLE,
    malformed: Math.max(0, votes - valid - others) / valid,
  });
  return { ...plan, electors: used };
}

/** Reads `count` electors of a roll (CSV with the columns nas and code), from the one with index `from` on. */
export async function readElectors(roll: string, from: number, count: number): Promise<Elector[]> {
  const electors: Elector[] = [];
  let index = 0;
  const stream = createReadStream(roll);
  for await (const line of createInterface({ input: stream })) {
    const match = /^"?(\d{9})"?,"?([0-9A-Z]{6})"?$/.exec(line.trim());
    if (!match) continue;
    if (index++ >= from) electors.push({ nas: match[1]!, code: match[2]! });
    if (electors.length === count) break;
  }
  stream.destroy();
  return electors;
}

/** Milliseconds without any progress after which counting is given up. */
const STALL_LIMIT_MS = 60_000;

/** Waits until the ledger has so many outcomes. Throws if nothing moves for a minute. */
export async function untilRecorded(
  client: pg.Client,
  outcomes: number,
  onProgress: (recorded: number) => void,
  signal?: AbortSignal,
): Promise<Tally> {
  let last = -1;
  let since = Date.now();
  for (;;) {
    signal?.throwIfAborted();
    const tally = await readTally(client);
    const recorded = outcomesOf(tally);
    onProgress(recorded);
    if (recorded >= outcomes) return tally;
    if (recorded !== last) since = Date.now();
    last = recorded;
    if (Date.now() - since > STALL_LIMIT_MS)
      throw new Error(`only ${recorded} of ${outcomes} votes have an outcome, and nothing moves`);
    await pause(50, signal);
  }
}

/**
 * Votes that an earlier run left on their way are counted before the baseline is taken: the ledger has to
 * stand still for a second.
 */
export async function settledTally(client: pg.Client, signal?: AbortSignal): Promise<Tally> {
  let tally = await readTally(client);
  for (;;) {
    await pause(1_000, signal);
    signal?.throwIfAborted();
    const next = await readTally(client);
    if (outcomesOf(next) === outcomesOf(tally)) return next;
    tally = next;
  }
}

export interface SampleOutcome {
  reports: CastReport[];
  tally: Tally;
  /** One line each: what was asked, and whether it came true. */
  checks: { text: string; ok: boolean }[];
}

const sum = (reports: readonly CastReport[], kind: keyof CastReport['accepted']): number =>
  reports.reduce((total, { accepted }) => total + (accepted[kind] ?? 0), 0);

/** Casts the plan, waits until all of it is counted, and compares every count with what was cast. */
export async function runSample(options: {
  plan: SamplePlan;
  ingestionUrl: string;
  client: pg.Client;
  baseline: Tally;
  onCast: (done: number) => void;
  onRecorded: (recorded: number) => void;
  signal?: AbortSignal;
}): Promise<SampleOutcome> {
  const { plan, ingestionUrl, client, baseline, onCast, onRecorded, signal } = options;
  const before = outcomesOf(baseline);
  const record = (recorded: number) => onRecorded(recorded - before);
  const first = await castVotes(ingestionUrl, plan.votes, onCast, signal);
  const acceptedOf = (report: CastReport) => Object.values(report.accepted).reduce((a, b) => a + b, 0);
  await untilRecorded(client, before + acceptedOf(first), record, signal);
  // A changed mind comes after the first vote was counted, so that which one counts is no matter of luck.
  const second = await castVotes(
    ingestionUrl,
    plan.changes,
    (done) => onCast(plan.votes.length + done),
    signal,
  );
  const reports = [first, second];
  const tally = await untilRecorded(client, before + acceptedOf(first) + acceptedOf(second), record, signal);
  return { reports, tally, checks: compare(plan, reports, baseline, tally) };
}

function compare(
  plan: SamplePlan,
  reports: readonly CastReport[],
  baseline: Tally,
  tally: Tally,
): SampleOutcome['checks'] {
  const planned = (kind: PlannedVote['kind']) =>
    [...plan.votes, ...plan.changes].filter((vote) => vote.kind === kind).length;
  const check = (text: string, expected: number, got: number) => ({
    text: expected === got ? `${text}: ${got}` : `${text}: ${got} instead of ${expected}`,
    ok: expected === got,
  });
  const expected = expectedCounts(plan.votes);
  const counts = Object.entries(expected)
    .sort()
    .flatMap(([lawId, choices]) =>
      (['oui', 'non'] as const).map((choice) => {
        const had = baseline.laws[lawId]?.[choice] ?? 0;
        return check(`${lawId} ${choice} counted`, choices[choice], (tally.laws[lawId]?.[choice] ?? 0) - had);
      }),
    );
  const outcome = (name: keyof Tally['outcomes']) => tally.outcomes[name] - baseline.outcomes[name];
  const twice = planned('repeat') + planned('change');
  return [
    check('valid votes accepted', planned('valid'), sum(reports, 'valid')),
    ...counts,
    check('second votes recognised, none counted', twice, outcome('duplicate')),
    check('ineligible voters recognised, none counted', planned('ineligible'), outcome('invalid')),
    check('malformed votes refused', planned('malformed'), planned('malformed') - sum(reports, 'malformed')),
  ];
}
