import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadReport } from './cast-load.ts';
import { runProgram } from './child.ts';

/** One run of the load over one pipeline, from the first POST to the last commit. */
export interface Round {
  /** Votes accepted, divided by the seconds from the first POST to the moment the last was counted. */
  votesPerSecond: number;
  accepted: number;
  counted: number;
  /** Milliseconds of the accepted votes' answers. */
  p50: number;
  p99: number;
  max: number;
  /** Seconds from the last answer until everything was counted. */
  tailSeconds: number;
  refused: Record<string, number>;
  broken: number;
}

export interface RoundOptions {
  url: string;
  connections: number;
  /** Bodies to POST, each of another voter and law. */
  bodies: readonly string[];
  /** Votes in the tally now. */
  counted: () => Promise<number>;
}

/** How often the tally is looked at. Milliseconds; the resolution of the end. */
const POLL_MS = 25;
/** Nothing counted for so long: what is missing was lost. Milliseconds. */
const GIVE_UP_MS = 15_000;

/** Casts the bodies and waits until all that was accepted is counted, or nothing moves any more. */
export async function runRound({ url, connections, bodies, counted }: RoundOptions): Promise<Round> {
  const file = join(tmpdir(), `scrutin-bench-${process.pid}.txt`);
  writeFileSync(file, bodies.join('\n'), { mode: 0o600 });
  const before = await counted();
  const report = await runProgram<LoadReport>('cast-load.ts', [url, String(connections), file]);
  rmSync(file);
  let now = (await counted()) - before;
  let moved = Date.now();
  while (now < report.accepted && Date.now() - moved < GIVE_UP_MS) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const next = (await counted()) - before;
    if (next !== now) moved = Date.now();
    now = next;
  }
  const end = Math.max(moved, report.lastAnswer);
  return {
    votesPerSecond: report.accepted / ((end - report.firstPost) / 1000),
    accepted: report.accepted,
    counted: now,
    p50: report.p50,
    p99: report.p99,
    max: report.max,
    tailSeconds: Math.max(0, end - report.lastAnswer) / 1000,
    refused: report.refused,
    broken: report.broken,
  };
}
