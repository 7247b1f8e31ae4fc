import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type LedgerDatabase, ledgerDatabase, sampleElection } from './testing/results-stage.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

let database: LedgerDatabase;
let stage: ChildProcess | undefined;

beforeEach(async () => {
  database = await ledgerDatabase();
});

afterEach(async () => {
  if (stage && stage.exitCode === null && stage.kill('SIGKILL')) await once(stage, 'close');
  await database.drop();
});

/** The stage as a process; `lines` grows with what it logs. */
function run(env: Record<string, string>) {
  const lines: string[] = [];
  stage = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH ?? '', LOG_FORMAT: 'json', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [stage.stdout!, stage.stderr!]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const whole = (rest + chunk).split('\n');
      rest = whole.pop()!;
      lines.push(...whole);
    });
  }
  return { process: stage, lines };
}

test('the stage starts, serves, and ends in order on SIGTERM', async () => {
  await database.ledger.publishElection(sampleElection(database.electionId), 'Open');
  const { process: child, lines } = run({ ELECTION_ID: database.electionId, DATABASE_URL: database.url });
  let port: number | undefined;
  while (port === undefined) {
    if (child.exitCode !== null) throw new Error(lines.join('\n'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const told = lines.find((line) => line.includes('results can be read'));
    if (told) port = (JSON.parse(told) as { port: number }).port;
  }
  const base = `http://127.0.0.1:${port}`;
  while ((await fetch(`${base}/readyz`)).status !== 200)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await (await fetch(`${base}/api/v1/turnout`)).json()).toMatchObject({
    election_id: database.electionId,
  });
  expect(await (await fetch(`${base}/health`)).json()).toMatchObject({
    status: 'healthy',
    dependencies: { postgresql: { status: 'up' }, election: { status: 'up' } },
  });
  child.kill('SIGTERM');
  expect((await once(child, 'close'))[0]).toBe(0);
  expect(lines.at(-1)).toContain('stopped');
});

test('a wrong setting is one clear line and exit code 2', async () => {
  const { process: child, lines } = run({ TIME_ZONE: 'Mars/Olympus', REFRESH_MS: '1' });
  expect((await once(child, 'close'))[0]).toBe(2);
  expect(lines).toEqual([
    'results: REFRESH_MS: must be a whole number from 100 to 60000 (got "1")',
    'results: TIME_ZONE: must be a time zone such as "America/Toronto" (got "Mars/Olympus")',
  ]);
});
