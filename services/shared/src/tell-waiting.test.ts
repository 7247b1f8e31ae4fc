import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Health } from './health.ts';
import { closeServer, createApp } from './http.ts';
import { createLog, type Log } from './log.ts';
import { serveStage } from './stage.ts';
import { tellWaiting } from './tell-waiting.ts';
import { until } from './testing/virtual-host.ts';

let lines: { msg: string; waitingFor?: unknown }[];
let log: Log;
let down: Record<string, string>;
let looks: number;
let health: Health;
beforeEach(() => {
  lines = [];
  log = createLog({ stage: 'test', destination: { write: (line) => lines.push(JSON.parse(line)) } });
  looks = 0;
  const check = (name: string) => () => {
    looks++;
    if (down[name]) throw new Error(down[name]);
  };
  const checks = { rabbitmq: check('rabbitmq'), election: check('election') };
  health = new Health({ stage: 'test', electionId: 'demo', version: '1', checks });
  health.setReady(true);
});
afterEach(() => health.setReady(false));

/** Resolves after the time of several looks: when somebody else, who waits, has had as many. */
async function severalLooks(): Promise<void> {
  let others = 0;
  const checks = {
    election: () => {
      others++;
      throw new Error('away');
    },
  };
  const other = new Health({ stage: 'other', electionId: 'demo', version: '1', checks });
  other.setReady(true);
  tellWaiting(other, createLog({ stage: 'other', destination: { write: () => {} } }), 20);
  await until('it has looked several times', () => others > 3);
  other.setReady(false);
}

const said = () => lines.map(({ msg, waitingFor }) => waitingFor ?? msg);

test('a process says what it waits for, once until that changes, and when it is ready', async () => {
  down = { rabbitmq: 'not connected', election: 'not prepared yet' };
  tellWaiting(health, log, 20);
  await until('it has looked several times', () => looks > 6);
  expect(said()).toEqual([{ rabbitmq: 'not connected', election: 'not prepared yet' }]);
  down = { election: 'not prepared yet' };
  await until('it says so', () => lines.length > 1);
  down = {};
  await until('it is ready', () => lines.length > 2);
  expect(said().slice(1)).toEqual([{ election: 'not prepared yet' }, 'ready']);

  // Later a server may go: that is /health's matter, and nobody looks here any more.
  const { length } = lines;
  const before = looks;
  down = { rabbitmq: 'away' };
  await severalLooks();
  expect([looks, lines.length]).toEqual([before, length]);
});

test('one that is ready by the first look says nothing', async () => {
  down = {};
  tellWaiting(health, log, 20);
  await until('it has looked', () => looks > 0);
  await severalLooks();
  expect(said()).toEqual([]);
});

test('one that is told to stop while it waits looks no more', async () => {
  down = { election: 'not prepared yet' };
  tellWaiting(health, log, 20);
  await until('it waits', () => lines.length > 0);
  health.setReady(false);
  down = {};
  const before = looks;
  await severalLooks();
  expect([looks, ...said()]).toEqual([before, { election: 'not prepared yet' }]);
});

test('every stage tells it', async () => {
  down = { election: 'not prepared yet' };
  const config = { HOST: '127.0.0.1', PORT: 0, SHUTDOWN_GRACE_MS: 0, SHUTDOWN_DELAY_MS: 0 };
  const server = await serveStage(createApp(), { config, log, health }, 'at work');
  try {
    await until('it says so', () => lines.length > 1, 30_000);
    expect(said()).toEqual(['at work', { election: 'not prepared yet' }]);
  } finally {
    await closeServer(server);
  }
}, 40_000);
