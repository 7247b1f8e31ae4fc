import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import { TcpProxy } from '@scrutin/shared/testing/tcp-proxy.ts';
import {
  CLOSES,
  type LedgerDatabase,
  ledgerDatabase,
  type ResultsStage,
  sampleElection,
  startResultsStage,
} from './testing/results-stage.ts';

let database: LedgerDatabase;
let proxy: TcpProxy;
let stage: ResultsStage;

beforeEach(async () => {
  database = await ledgerDatabase();
  proxy = await TcpProxy.to(database.url);
});

afterEach(async () => {
  await stage?.stop();
  await proxy.close();
  await database.drop();
});

const start = async (options: { staleMs?: number; statementTimeout?: number } = {}) => {
  stage = await startResultsStage({
    electionId: database.electionId,
    url: proxy.through(database.url),
    ...options,
  });
  stage.setClock(CLOSES);
};

const status = async (path: string): Promise<number> => {
  const response = await fetch(stage.base + path);
  await response.text();
  return response.status;
};

const until = async (condition: () => boolean | Promise<boolean>, withinMs = 30_000) => {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const publish = () => database.ledger.publishElection(sampleElection(database.electionId), 'Open');

describe('while PostgreSQL is away', () => {
  test('what was read last stands in for a while; then readers are asked to come back, in their language', async () => {
    await publish();
    await start({ staleMs: 10_000 });
    expect(await status('/readyz')).toBe(200);
    proxy.refuse();
    await until(() => !stage.snapshots.reachable);
    for (const path of ['/', '/api/v1/results', '/api/v1/turnout']) expect(await status(path)).toBe(200);
    expect(await status('/health')).toBe(503);
    // Still ready: whom it can't answer it tells when to come back.
    expect(await status('/readyz')).toBe(200);

    await until(async () => (await status('/api/v1/results')) === 503);
    const problem = await fetch(`${stage.base}/api/v1/results`);
    expect(problem.headers.get('retry-after')).toBe('2');
    expect(problem.headers.get('content-type')).toContain('application/problem+json');
    expect(await problem.json()).toMatchObject({ code: 'ledger-unavailable' });
    const page = await fetch(`${stage.base}/?lang=fr`);
    expect([page.status, page.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await page.text()).toContain('Momentanément indisponible');

    proxy.pass();
    await until(async () => (await status('/api/v1/results')) === 200);
    expect(await status('/health')).toBe(200);
  });

  test('a ballot’s status is a 503 and not a wait; an unknown id is known as such all the same', async () => {
    await publish();
    await start();
    const id = newBallotId(database.electionId);
    expect(await status(`/api/v1/ballots/${id}`)).toBe(200);
    proxy.refuse();
    await until(() => !stage.snapshots.reachable);
    const asked = performance.now();
    for (const path of [`/api/v1/ballots/${id}`, `/ballot/${id}`]) expect(await status(path)).toBe(503);
    expect(await status('/api/v1/ballots/unknown')).toBe(404);
    expect(performance.now() - asked).toBeLessThan(4_000);
    proxy.pass();
    await until(async () => (await status(`/api/v1/ballots/${id}`)) === 200);
  });

  test('a stage that starts begins by itself once it is there', async () => {
    await publish();
    proxy.refuse();
    await start();
    expect(await status('/api/v1/results')).toBe(503);
    expect(await status('/')).toBe(503);
    expect(await status('/livez')).toBe(200);
    proxy.pass();
    await until(async () => (await status('/api/v1/results')) === 200);
  });

  test('a server that takes questions and answers none is told as unreachable within seconds', async () => {
    await publish();
    await start({ statementTimeout: 2_000 });
    proxy.freeze();
    await until(() => !stage.snapshots.reachable);
    expect(await status(`/api/v1/ballots/${newBallotId(database.electionId)}`)).toBe(503);
    expect(await status('/api/v1/results')).toBe(200);
    proxy.pass();
    await until(() => stage.snapshots.reachable);
  }, 60_000);
});

test('connections that the server ends are made again without a reader noticing', async () => {
  await publish();
  await start();
  await database.pool.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  for (let i = 0; i < 20; i++) expect(await status('/api/v1/results')).toBe(200);
  await stage.reread();
  await until(() => stage.snapshots.reachable);
});

test('an election that is not published yet is a 503 that says so, until it is', async () => {
  await start();
  const response = await fetch(`${stage.base}/api/v1/results`);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ code: 'not-ready' });
  expect(await (await fetch(`${stage.base}/?lang=en`)).text()).toContain('Ready soon');
  await publish();
  await until(async () => (await status('/api/v1/results')) === 200);
});

test('another election’s database shows nothing of it', async () => {
  await publish();
  stage = await startResultsStage({ electionId: 'mine', url: database.url });
  const response = await fetch(`${stage.base}/api/v1/results`);
  expect(response.status).toBe(503);
  expect(await response.text()).not.toContain(database.electionId);
});

test('a thousand readers cost PostgreSQL nothing beyond the steady reading', async () => {
  await publish();
  stage = await startResultsStage({
    electionId: database.electionId,
    url: proxy.through(database.url),
    refreshMs: 600_000,
    staleMs: 600_000,
  });
  stage.setClock(CLOSES);
  let answers = 0;
  proxy.onAnswer = () => {
    answers++;
  };
  const paths = ['/', '/?lang=en', '/api/v1/results', '/api/v1/turnout', '/api/v1/results.csv'];
  const statuses = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => status(paths[i % paths.length]!)),
  );
  expect(statuses.every((one) => one === 200)).toBe(true);
  expect(answers).toBe(0);
});

test('the stage’s role reads counts and outcomes, and can change nothing', async () => {
  await publish();
  const client = await database.pool.connect();
  try {
    await client.query('set role scrutin_reader');
    await expect(client.query('update vote_results set oui_count = 1, total_votes = 1')).rejects.toThrow(
      /permission/,
    );
    await expect(client.query('select voter from participation')).rejects.toThrow(/permission/);
    await client.query('reset role');
  } finally {
    client.release();
  }
  await start();
  expect(await status('/api/v1/results')).toBe(200);
});
