import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { readMetrics, seriesValue } from '@scrutin/shared/testing/read-metrics.ts';
import { TcpProxy } from '@scrutin/shared/testing/tcp-proxy.ts';
import { until, VirtualHost } from '@scrutin/shared/testing/virtual-host.ts';
import { EXCHANGE, QUEUES, type QueueName, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { encodeVotes } from '@scrutin/shared/vote-message.ts';
import { type FreshLedger, freshLedger } from './testing/ledger.ts';
import { validated } from './testing/votes.ts';

jest.setTimeout(90_000);

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

let ledger: FreshLedger;
let vhost: VirtualHost;
let proxy: TcpProxy;
let stage: ChildProcess;
let base: string;
beforeEach(async () => {
  [ledger, vhost] = await Promise.all([freshLedger(['loi-1']), VirtualHost.create()]);
  proxy = await TcpProxy.to(ledger.url);
  stage = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      LOG_FORMAT: 'json',
      RABBITMQ_URL: vhost.url,
      DATABASE_URL: proxy.through(ledger.url),
      STATS_INTERVAL_MS: '100',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  stage.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await until('aggregation listens', () => /"port":\d+/.test(output), 30_000);
  base = `http://127.0.0.1:${/"port":(\d+)/.exec(output)![1]}`;
  await until('it is ready', async () => (await fetch(`${base}/readyz`)).ok, 30_000);
});
afterEach(async () => {
  stage.kill('SIGKILL');
  await once(stage, 'exit');
  await proxy.close();
  await Promise.all([ledger.drop(), vhost.remove()]);
});

const metric = async (name: string, labels: Record<string, string> = {}) =>
  seriesValue(await readMetrics(base), name, labels);
const oldest = (queue: QueueName) => metric('scrutin_oldest_vote_age_seconds', { queue });
const messages = (queue: QueueName, state: string) => metric('scrutin_queue_messages', { queue, state });
const up = (server: string) => metric('scrutin_connection_up', { server });
const send = (routingKey: string, ballot: string) => {
  const vote = validated({ ballot, at: new Date().toISOString() });
  vhost.channel.publish(EXCHANGE, routingKey, encodeVotes([vote]), { persistent: true });
};

describe('the metrics of aggregation', () => {
  test('tell of votes that wait while every worker is dead, and for how long', async () => {
    await until('the queue is seen', async () => (await messages(QUEUES.validation, 'ready')) === 0, 30_000);
    expect(await oldest(QUEUES.validation)).toBe(0);
    send(ROUTING_KEYS.validation, 'a');
    await until('the vote is seen', async () => (await messages(QUEUES.validation, 'ready')) === 1, 30_000);
    await until('its age grows', async () => (await oldest(QUEUES.validation))! > 2);
    expect(await metric('scrutin_queue_consumers', { queue: QUEUES.validation })).toBe(0);
    // Of a queue that does not answer in time the broker says 0.
    await until(
      'the consumer is seen',
      async () => (await metric('scrutin_queue_consumers', { queue: QUEUES.aggregation })) === 1,
    );
    await vhost.drain(QUEUES.validation);
    await until('it waits no more', async () => (await oldest(QUEUES.validation)) === 0, 30_000);
  });

  test('tell of votes that are held while PostgreSQL is gone, and that it is', async () => {
    send(ROUTING_KEYS.aggregation, 'a');
    const counted = () => metric('scrutin_votes_counted_total', { outcome: 'aggregated' });
    await until('the vote is counted', async () => (await counted()) === 1, 30_000);
    expect(await up('postgresql')).toBe(1);
    expect(await up('rabbitmq')).toBe(1);
    expect(await metric('scrutin_postgres_call_seconds_count', { statement: 'take-part' })).toBe(1);
    expect(await metric('scrutin_postgres_call_seconds_count', { statement: 'commit' })).toBe(1);

    proxy.cut();
    proxy.refuse();
    send(ROUTING_KEYS.aggregation, 'b');
    await until(
      'the vote is held',
      async () => (await messages(QUEUES.aggregation, 'unacknowledged')) === 1,
      30_000,
    );
    await until('its age grows', async () => (await oldest(QUEUES.aggregation))! > 2);
    expect(await up('postgresql')).toBe(0);

    proxy.pass();
    await until('it is counted', async () => (await counted()) === 2, 30_000);
    await until('nothing is held', async () => (await oldest(QUEUES.aggregation)) === 0);
    expect(await up('postgresql')).toBe(1);
  });

  test('have a series for each statement from the start, and none that a failing one adds', async () => {
    const statements = async () =>
      [...(await readMetrics(base)).keys()]
        .flatMap((key) => /^scrutin_postgres_call_seconds_count\{.*statement="([^"]*)"/.exec(key)?.[1] ?? [])
        .sort();
    const before = await statements();
    expect(before).toEqual(
      expect.arrayContaining(['begin', 'commit', 'record-ballots', 'rollback', 'take-part']),
    );
    await ledger.pool.query('alter table vote_audit rename to away');
    send(ROUTING_KEYS.aggregation, 'a');
    const failures = () => metric('scrutin_postgres_errors_total', { statement: 'record-ballots' });
    await until('a statement fails', async () => (await failures())! > 0, 30_000);
    expect(await statements()).toEqual(before);
    // A refusal is an answer.
    expect(await up('postgresql')).toBe(1);
  });
});
