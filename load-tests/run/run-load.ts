import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outcomesOf, type Tally } from '../../scripts/stack/tally.ts';
import type { ScenarioName, Size } from '../k6/scenarios.ts';
import type { LoadedSystem } from './own-system.ts';
import { LoadSummary } from './summary.ts';

const SCRIPT = fileURLToPath(new URL('../k6/main.ts', import.meta.url));

export interface LoadResult {
  summary: LoadSummary;
  /** 0, or 99 if a threshold was crossed. */
  code: number;
  before: Tally;
  after: Tally;
  /** Seconds from the last answer to the last count. */
  drained: number;
  /** The most that each process held, bytes, and what it held at the first look. */
  memory: Record<string, { first: number; most: number }>;
}

/**
 * Lets k6 (or `generate`) offer a scenario to a system that is at rest, waits until all that was accepted has its outcome, and resolves
 * with what k6 counted and what was recorded. Files in `folder`: `<label>.json` and `<label>.txt`.
 */
export async function runLoad(options: {
  k6: string;
  /** Cores that k6 is kept to, as taskset takes them; by default all. */
  k6Cores?: string | undefined;
  system: LoadedSystem;
  scenario: ScenarioName;
  size: Size;
  /** Number of the first vote; those before were cast by earlier runs on this system. */
  first: number;
  folder: string;
  label: string;
  /** Show k6's own output on the terminal. */
  show: boolean;
  drainSeconds: number;
  /** What offers the load, and writes `<label>.json`; by default k6. Resolves with 0, or 99 if a threshold was crossed. */
  generate?: () => Promise<number>;
}): Promise<LoadResult> {
  const { system, folder, label } = options;
  mkdirSync(folder, { recursive: true });
  const before = await system.tally();
  const memory: LoadResult['memory'] = {};
  const look = () => {
    for (const [name, bytes] of Object.entries(system.memory())) {
      memory[name] ??= { first: bytes, most: bytes };
      memory[name].most = Math.max(memory[name].most, bytes);
    }
  };
  look();
  // To look takes time of the cores that are measured.
  const looking = setInterval(look, 5_000);
  const code = await (options.generate?.() ?? runK6(options)).finally(() => clearInterval(looking));
  look();
  const ended = Date.now();
  const summary = LoadSummary.read(join(folder, `${label}.json`));
  const cast = system.outcomesKnown ? 'accepted_requests' : 'accepted_voters';
  const expected = outcomesOf(before) + summary.count(cast);
  const after = await atRest(() => system.tally(), expected, options.drainSeconds);
  return { summary, code, before, after, drained: (Date.now() - ended) / 1000, memory };
}

/** Resolves when all have an outcome and none comes any more, or after so many seconds with what there is then. */
export async function atRest(tally: () => Promise<Tally>, expected: number, seconds: number): Promise<Tally> {
  const deadline = Date.now() + seconds * 1000;
  let last = await tally();
  for (;;) {
    await new Promise((later) => setTimeout(later, 500));
    const now = await tally();
    const settled = outcomesOf(now) >= expected && outcomesOf(now) === outcomesOf(last);
    if (settled || Date.now() > deadline) return now;
    last = now;
  }
}

function runK6({
  k6,
  k6Cores,
  system,
  scenario,
  size,
  first,
  folder,
  label,
  show,
}: Parameters<typeof runLoad>[0]): Promise<number> {
  const settings = {
    TARGET: system.ingestion,
    RESULTS: system.results,
    LAWS: system.laws.join(','),
    ROLL: system.roll,
    SCENARIO: scenario,
    RATE: String(size.rate),
    SECONDS: String(size.seconds),
    FIRST: String(first),
  };
  return new Promise((resolve, reject) => {
    const [program, ...before] = k6Cores === undefined ? [k6] : ['taskset', '-c', k6Cores, k6];
    const child = spawn(
      program!,
      [
        ...before,
        'run',
        '--no-usage-report',
        // Elsewhere than on a terminal a progress line a second is noise.
        ...(process.stdout.isTTY ? [] : ['--quiet']),
        '--summary-export',
        join(folder, `${label}.json`),
        SCRIPT,
      ],
      {
        env: {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          K6_NO_COLOR: process.stdout.isTTY ? '' : 'true',
          ...settings,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const text = createWriteStream(join(folder, `${label}.txt`));
    for (const [stream, terminal] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const)
      stream.on('data', (chunk: Buffer) => {
        text.write(chunk);
        if (show) terminal.write(chunk);
      });
    // k6 ends in order on the Ctrl-C that the terminal sends it, too; this process waits for it.
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, pass);
    child.once('error', reject);
    child.once('close', (code) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, pass);
      text.end();
      // 99: thresholds were crossed, https://grafana.com/docs/k6/latest/using-k6/thresholds; 105: stopped by hand.
      if (code === 0 || code === 99 || code === 105) resolve(code);
      else reject(new Error(`k6 failed (code ${code}); see ${join(folder, `${label}.txt`)}`));
    });
  });
}
