import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { electionDatabaseUrl } from '@scrutin/shared/election-urls.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import type { ElectionReading } from './election-metrics.ts';
import { filesSource } from './electorate/hash-source.ts';
import { silentLog } from './ledger/testing/fresh-ledger.ts';
import { SERVERS } from './local/testing/local-operator.ts';
import { type OperatorMetrics, operatorMetrics } from './operator-metrics.ts';
import { reconcile } from './reconcile/reconcile.ts';
import { testElection } from './reconcile/testing/election.ts';
import { type ServerPorts, serverPorts } from './server-ports.ts';

jest.setTimeout(90_000);

let registry: Registry;
let elections: ElectionReading[];
let metrics: OperatorMetrics;
beforeEach(() => {
  registry = createMetrics('operator', '', '0');
  elections = [];
  metrics = operatorMetrics(registry, () => elections);
});

/** The lines of a metric, without the default labels. */
const lines = async (name: string): Promise<string[]> =>
  (await registry.metrics())
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => line.slice(name.length).replace(',stage="operator"', ''));

describe('the operator’s metrics of elections', () => {
  const open = (election: string): ElectionReading => ({ election, phase: 'Open', eligible: 10, votes: 3 });

  it('tell each election apart, and of none that is gone', async () => {
    elections = [open('one'), { election: 'two', phase: 'Preparing' }];
    for (const id of ['one', 'two']) {
      metrics.observerOf(id).audited({ counted: 9, published: 10 });
      metrics.observerOf(id).called('redis', 'ping', 0.01, id === 'one');
    }
    expect(await lines('scrutin_electorate_drift_voters')).toEqual([
      '{election="one"} -1',
      '{election="two"} -1',
    ]);
    expect(await lines('scrutin_connection_up')).toEqual([
      '{election="one",server="redis"} 1',
      '{election="two",server="redis"} 0',
    ]);
    expect(await lines('scrutin_election_votes')).toEqual(['{election="one"} 3']);
    expect(await lines('scrutin_election_phase')).toEqual(
      expect.arrayContaining(['{election="one",phase="Open"} 1', '{election="two",phase="Open"} 0']),
    );
    elections = [open('one')];
    const all = (await registry.metrics()).split('\n').filter((line) => line.includes('election="two"'));
    expect(all).toEqual([]);
    elections = [open('one'), open('two')];
    expect(await lines('scrutin_electorate_drift_voters')).toEqual(['{election="one"} -1']);
  });

  it('count reconciliations by result, and failures by reason', async () => {
    metrics.reconciled('done', 0.5);
    metrics.reconciled('failed', 0, 'Unreachable');
    expect(await lines('scrutin_operator_reconciles_total')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/result="done".* 1$/),
        expect.stringMatching(/result="error".* 0$/),
      ]),
    );
    expect(await lines('scrutin_operator_errors_total')).toEqual([
      expect.stringMatching(/reason="Unreachable".* 1$/),
    ]);
  });
});

describe('the electorate’s drift', () => {
  const folder = mkdtempSync(join(tmpdir(), 'scrutin-drift-'));
  const id = `t-${randomBytes(6).toString('hex')}`;
  const redis = new Redis(SERVERS.REDIS_URL);
  let ports: ServerPorts;
  beforeEach(async () => {
    const hashes = Array.from({ length: 30 }, () => randomBytes(32).toString('hex'));
    writeFileSync(join(folder, 'roll.txt'), hashes.join('\n'));
    elections = [{ election: id, phase: 'Open' }];
    ports = serverPorts({
      electionId: id,
      addresses: {
        redisUrl: SERVERS.REDIS_URL,
        rabbitmqManagementUrl: SERVERS.RABBITMQ_MANAGEMENT_URL,
        databaseUrl: electionDatabaseUrl(SERVERS.DATABASE_URL, id),
      },
      pepper: pepperFromHex('5e'.repeat(32)),
      openSource: () => filesSource(folder),
      observer: metrics.observerOf(id),
      log: silentLog,
    });
  });
  afterEach(async () => {
    await Promise.all([ports.broker.remove(id), ports.electorate.remove(), ports.ledger.remove()]);
    await ports.close();
    redis.disconnect();
    rmSync(folder, { recursive: true });
  });

  it('is the voters that Redis has lost, also when it has lost all of them, and 0 once they are back', async () => {
    const drift = () => lines('scrutin_electorate_drift_voters');
    const times = { opensAt: '2020-01-01T00:00:00.000Z', closesAt: '2099-01-01T00:00:00.000Z' };
    const election = { ...testElection(times), metadata: { name: id, generation: 1 } };
    const options = { verifySource: true, closingGraceMs: 0 };
    const first = await reconcile(election, ports, undefined, options);
    expect(first.failure).toBeUndefined();
    await ports.electorate.sound();
    expect(await drift()).toEqual([`{election="${id}"} 0`]);

    const [bucket] = await redis.keys(`${redisKeys.electorate(id, 0)}*`);
    const lost = await redis.hlen(bucket!);
    await redis.del(bucket!);
    await ports.electorate.sound();
    expect(await drift()).toEqual([`{election="${id}"} ${-lost}`]);

    for (const key of await redis.keys(`scrutin:{${id}/*`)) await redis.del(key);
    await ports.electorate.sound();
    expect(await drift()).toEqual([`{election="${id}"} -30`]);

    expect((await reconcile(election, ports, first.status, options)).failure).toBeUndefined();
    await ports.electorate.sound();
    expect(await drift()).toEqual([`{election="${id}"} 0`]);
    const up = ['postgresql', 'rabbitmq', 'redis'].map((server) => `{election="${id}",server="${server}"} 1`);
    expect((await lines('scrutin_connection_up')).sort()).toEqual(up);
  });
});
