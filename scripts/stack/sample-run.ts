import { SingleBar } from 'cli-progress';
import pc from 'picocolors';
import type { StateFile } from '../servers/state.ts';
import type { ElectionFile } from './election-file.ts';
import { untilPublished } from './results-table.ts';
import { rollFile } from './sample-electorate.ts';
import { planSample, readElectors, runSample, sampleSize, settledTally } from './sample-votes.ts';
import { type Steps, seconds } from './steps.ts';
import { number } from './table.ts';
import { connectForReading, readTally } from './tally.ts';

export interface CastSampleOptions {
  file: StateFile;
  steps: Steps;
  election: ElectionFile;
  databaseUrl: string;
  resultsUrl: string;
  votes: number;
  /** When the command began, milliseconds since the epoch. */
  begun: number;
  signal: AbortSignal;
}

/**
 * Casts the sample votes of people who have not voted yet, with a progress bar, and says what came of them.
 * True if every count is exactly what was cast.
 */
export async function castSample(options: CastSampleOptions): Promise<boolean> {
  const { file, steps, election, databaseUrl, resultsUrl, votes, begun, signal } = options;
  const from = file.state.nextElector;
  const { electors: wanted } = sampleSize(votes, election.laws.length);
  const electors = await readElectors(rollFile(file), from, wanted);
  if (electors.length < wanted) {
    steps.note(
      `Only ${electors.length} people of the sample have not voted yet, ${wanted} are needed: no sample votes. npm run reset begins anew.`,
    );
    return false;
  }
  const plan = planSample(electors, election.laws, votes);
  const client = await connectForReading(databaseUrl, 'npm start');
  const bar = new SingleBar({
    format: '  {bar} {value}/{total} cast, {counted} counted',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    noTTYOutput: true,
    notTTYSchedule: 2_000,
    linewrap: false,
    emptyOnZero: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  try {
    const baseline = from === 0 ? await readTally(client) : await settledTally(client, signal);
    // Written down before the first is sent: whatever happens, nobody is made to vote twice by a later run.
    file.update({ nextElector: from + plan.electors });
    const total = plan.votes.length + plan.changes.length;
    let firstCounted = 0;
    bar.start(total, 0, { counted: 0 });
    const started = Date.now();
    const { reports, tally, checks } = await runSample({
      plan,
      ingestionUrl: `http://127.0.0.1:${file.state.ports.ingestion}`,
      client,
      baseline,
      onCast: (done) => bar.update(done),
      onRecorded: (counted) => {
        if (counted > 0) firstCounted ||= Date.now();
        bar.update({ counted });
      },
      signal,
    }).finally(() => bar.stop());
    const cast = reports.reduce((sum, { ms }) => sum + ms, 0);
    steps.note(
      `${pc.green('✔')} Sample votes  ${number(total)} cast and counted ${pc.dim(`(${seconds(Date.now() - started)}, ${number(Math.round((total / cast) * 1000))} POST/s)`)}`,
    );
    steps.note(pc.dim(`  first vote counted ${seconds(firstCounted - begun)} after the start`));
    checks.push(await untilPublished(resultsUrl, tally));
    for (const { text, ok } of checks) steps.note(`  ${ok ? pc.green('✔') : pc.red('✖')} ${text}`);
    return checks.every(({ ok }) => ok);
  } finally {
    await client.end().catch(() => {});
  }
}
