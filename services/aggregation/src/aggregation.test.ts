import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TcpProxy } from '@scrutin/shared/testing/tcp-proxy.ts';
import { until, VirtualHost } from '@scrutin/shared/testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { type DecidedVote, encodeVotes } from '@scrutin/shared/vote-message.ts';
import { type FreshLedger, freshLedger, Ledger } from './testing/ledger.ts';
import { duplicate, invalid, validated } from './testing/votes.ts';

jest.setTimeout(90_000);

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

interface Stage {
  process: ChildProcess;
  port: number;
  lines: string[];
}

let ledger: FreshLedger;
let vhost: VirtualHost;
let proxy: TcpProxy;
let stages: Stage[];
beforeEach(async () => {
  stages = [];
  [ledger, vhost] = await Promise.all([freshLedger(['loi-1', 'loi-2']), VirtualHost.create()]);
  proxy = await TcpProxy.to(ledger.url);
});
afterEach(async () => {
  for (const { process: child } of stages)
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  await proxy.close();
  await Promise.all([ledger.drop(), vhost.remove()]);
});

async function startStage(settings: Record<string, string> = {}): Promise<Stage> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      LOG_FORMAT: 'json',
      RABBITMQ_URL: vhost.url,
      DATABASE_URL: proxy.through(ledger.url),
      STATS_INTERVAL_MS: '100',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stage: Stage = { process: child, port: 0, lines: [] };
  stages.push(stage);
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    stage.lines.push(...lines);
    for (const line of lines) stage.port ||= Number(/"port":(\d+)/.exec(line)?.[1] ?? 0);
  });
  await until('aggregation listens', () => stage.port !== 0, 30_000);
  return stage;
}

const get = (stage: Stage, path: string) => fetch(`http://127.0.0.1:${stage.port}${path}`);

const send = (...votes: DecidedVote[]) =>
  vhost.channel.publish(EXCHANGE, ROUTING_KEYS.aggregation, encodeVotes(votes), { persistent: true });

const total = async () =>
  Number((await ledger.pool.query('select sum(total_votes) as n from vote_results')).rows[0].n);

const votes = (name: string, n: number) =>
  Array.from({ length: n }, (_, i) => validated({ ballot: `${name} ${i}` }));

async function stop(stage: Stage): Promise<number | null> {
  stage.process.kill('SIGTERM');
  const [code] = (await once(stage.process, 'close')) as [number | null];
  return code;
}

describe('the aggregation stage', () => {
  test('counts what is decided, tells of it, and stops in order', async () => {
    const stage = await startStage();
    send(...votes('a', 40), duplicate({ ballot: 'd', voter: 'a 0' }), invalid({ ballot: 'x' }));
    send(...votes('a', 10), validated({ ballot: 'bad', law: 'loi-9' }));
    await until('all are counted', async () => (await total()) === 40);
    await until('the stranger is in review', async () => (await vhost.ready(QUEUES.review)) === 1);

    expect(await (await get(stage, '/health')).json()).toMatchObject({
      status: 'healthy',
      stage: 'aggregation',
      dependencies: { rabbitmq: { status: 'up' }, postgres: { status: 'up' } },
    });
    const counted = async (outcome: string) => {
      const text = await (await get(stage, '/metrics')).text();
      const line = new RegExp(`^scrutin_votes_counted_total\\{[^}]*outcome="${outcome}"[^}]*\\} (\\d+)`, 'm');
      return Number(line.exec(text)?.[1]);
    };
    await until('the review is told', async () => (await counted('reviewed')) === 1);
    const outcomes = ['aggregated', 'duplicate', 'invalid', 'redelivered', 'reviewed'];
    expect(await Promise.all(outcomes.map(counted))).toEqual([40, 1, 1, 10, 1]);
    expect(await (await get(stage, '/metrics')).text()).toMatch(
      /scrutin_vote_age_at_commit_seconds_count\{[^}]*\} 40/,
    );

    await until('the statistics are written', async () => {
      const { rows } = await ledger.pool.query(
        `select (select sum(processed) from processing_queue_stats) as processed,
           (select value from system_stats where name = 'votes_reviewed') as reviewed`,
      );
      return Number(rows[0].processed) === 53 && Number(rows[0].reviewed) === 1;
    });
    const queues = async () => {
      const { rows } = await ledger.pool.query(
        'select distinct queue, messages is not null as told from processing_queue_stats where consumers >= 0 order by queue',
      );
      return rows;
    };
    // The connection that asks for them may be made later than the one that takes votes.
    await until('every queue is told', async () => (await queues()).length >= Object.keys(QUEUES).length);
    expect(await queues()).toEqual(
      Object.values(QUEUES)
        .toSorted()
        .map((queue) => ({ queue, told: true })),
    );

    expect(await stop(stage)).toBe(0);
    expect(await vhost.ready(QUEUES.aggregation)).toBe(0);
    expect(await new Ledger(ledger.pool).invariants()).toEqual({ ok: true, problems: [] });
    // No line of the log tells who voted (P5).
    expect(stage.lines.join('\n')).not.toMatch(/[0-9a-f]{64}/);
  });

  test('tells a person what to look at when a vote went to review', async () => {
    await startStage();
    send(duplicate({ ballot: 'bad', agent: 'a\0b' }), validated({ ballot: 'a' }));
    await until('the vote is in review', async () => (await vhost.ready(QUEUES.review)) === 1);
    const [message] = await vhost.drain(QUEUES.review);
    expect(message!.properties.headers).toMatchObject({
      'x-review-reason': 'PostgreSQL refuses it: SQLSTATE 22P05',
      'x-review-queue': QUEUES.aggregation,
    });
    await until('the other is counted', async () => (await total()) === 1);
  });

  test('holds votes while PostgreSQL is away, says so, and counts them afterwards', async () => {
    const stage = await startStage();
    send(...votes('a', 20));
    await until('it counts', async () => (await total()) === 20);
    await until('it is ready', async () => (await get(stage, '/readyz')).status === 200);
    proxy.refuse();
    send(...votes('b', 30));
    await until('it is not healthy', async () => (await get(stage, '/health')).status === 503);
    expect(await (await get(stage, '/health')).json()).toMatchObject({
      status: 'degraded',
      dependencies: { postgres: { status: 'down' }, rabbitmq: { status: 'up' } },
    });
    expect((await get(stage, '/readyz')).status).toBe(200);
    proxy.pass();
    await until('it has counted them', async () => (await total()) === 50);
    await until('it is healthy', async () => (await get(stage, '/health')).status === 200);
    expect(await vhost.ready(QUEUES.review)).toBe(0);
  });

  test('loses and doubles nothing when one of two is killed under load', async () => {
    const first = await startStage();
    await startStage();
    for (let i = 0; i < 60; i++) {
      send(...votes(`m${i}`, 50));
      if (i % 3 === 0) send(...votes(`m${i}`, 50));
      if (i === 30) first.process.kill('SIGKILL');
      if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until('all are counted', async () => (await total()) === 3_000, 60_000);
    await until('the queue is empty', async () => (await vhost.ready(QUEUES.aggregation)) === 0);
    expect(await new Ledger(ledger.pool).invariants()).toEqual({ ok: true, problems: [] });
    expect(await total()).toBe(3_000);
  });

  test.each(['RabbitMQ', 'PostgreSQL'])(
    'stops in order and in time although %s has stopped answering',
    async (silent) => {
      const broker = await TcpProxy.to(vhost.url);
      const stage = await startStage({
        RABBITMQ_URL: broker.through(vhost.url),
        STATS_INTERVAL_MS: '3600000',
      });
      send(...votes('a', 20));
      await until('all are counted', async () => (await total()) === 20);
      // What is acknowledged after its commit is on its way then: it must have passed the proxy.
      await until('nothing is held', async () =>
        /^scrutin_queue_messages\{[^}]*"aggregation_queue"[^}]*"unacknowledged"[^}]*\} 0$/m.test(
          await (await get(stage, '/metrics')).text(),
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
      (silent === 'RabbitMQ' ? broker : proxy).freeze();
      expect(await stop(stage)).toBe(0);
      await broker.close();
      await until(
        'what was counted is acknowledged',
        async () => (await vhost.ready(QUEUES.aggregation)) === 0,
      );
      expect(await total()).toBe(20);
    },
  );

  test('takes on no more than the writer’s rights', async () => {
    const stage = await startStage();
    await until('it is connected', async () => {
      const { rows } = await ledger.pool.query(
        `select application_name from pg_stat_activity where datname = current_database()`,
      );
      return rows.some(({ application_name }) => application_name.startsWith('scrutin aggregation'));
    });
    await ledger.pool.query('revoke insert on participation from scrutin_writer');
    send(...votes('a', 3));
    await until('the batch is held', async () =>
      /scrutin_aggregation_retries_total\{[^}]*\} [1-9]/.test(await (await get(stage, '/metrics')).text()),
    );
    expect(await total()).toBe(0);
    await ledger.pool.query('grant insert on participation to scrutin_writer');
    await until('it counts when it has the right again', async () => (await total()) === 3);
  });

  test('ends with code 2 and one clear line for a wrong setting', async () => {
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH, STATS_INTERVAL_MS: 'often' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      told += chunk;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(2);
    expect(told).toBe(
      'aggregation: STATS_INTERVAL_MS: must be a whole number from 100 to 3600000 (got "often")\n',
    );
  });
});
