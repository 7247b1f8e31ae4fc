import { createSecretKey, hash, randomBytes } from 'node:crypto';
import { chmodSync, createWriteStream, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectCluster, startCluster } from '@scrutin/shared/testing/private-redis.ts';
import { within } from '@scrutin/shared/testing/within.ts';
import type { Cluster } from 'ioredis';
import type pg from 'pg';
import { Electorate } from '../../operator/src/electorate/electorate.ts';
import { filesSource } from '../../operator/src/electorate/hash-source.ts';
import { loadElectorate } from '../../operator/src/electorate/load-electorate.ts';
import { voterHasher } from '../../operator/src/electorate/voter-hasher.ts';
import { Ledger } from '../../operator/src/ledger/ledger.ts';
import { migrateLedger } from '../../operator/src/ledger/migrate.ts';
import { silentLog } from '../../operator/src/ledger/testing/fresh-ledger.ts';
import { findBinaries } from '../../scripts/servers/binaries.ts';
import { inTurn } from './in-turn.ts';
import { portSource } from './ports.ts';
import { PostgresPair } from './postgres-pair.ts';
import { openPool } from './with-client.ts';

const VOTERS = Number(process.env.REBUILD_VOTERS ?? 100_000);
const BATCH = 10_000;
/** Milliseconds for the servers to start. */
const PATIENCE = 90_000;
const pepper = createSecretKey(randomBytes(32));
const electorOf = (i: number) => hash('sha256', `voter ${i}`, 'buffer');

let folder: string;
let redis: Awaited<ReturnType<typeof startCluster>>;
let cluster: Cluster;
let postgres: PostgresPair;
let pool: pg.Pool;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-rebuild-'));
  // PostgreSQL runs as another user where we are root.
  chmodSync(folder, 0o755);
  redis = await within('three Redis nodes are one cluster', startCluster(3), PATIENCE);
  cluster = await within('the Redis Cluster is connected', connectCluster(redis.nodes), PATIENCE);
  cluster.on('error', () => {});
  postgres = await PostgresPair.start(folder, findBinaries().postgres!.bin, portSource());
  const url = new URL(postgres.url);
  url.pathname = '/scrutin_rebuild';
  await migrateLedger(url.href, silentLog);
  pool = openPool(url.href);
  await pool.query("insert into vote_results (law_id) values ('loi-1')");
  function* lines(): Generator<string> {
    for (let i = 0; i < VOTERS; i++) yield `${electorOf(i).toString('hex')}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(join(folder, 'hashes.txt')));
}, 600_000);

afterAll(async () => {
  await inTurn(
    () => cluster?.disconnect(),
    () => pool && within('the connections to PostgreSQL are closed', pool.end(), 30_000),
    () => postgres?.stop(),
    () => redis?.stop(),
  );
}, 180_000);

/** Everybody has voted, as PostgreSQL knows it. */
async function everybodyHasVoted(): Promise<void> {
  const hashVoters = voterHasher(pepper);
  for (let from = 0; from < VOTERS; from += BATCH) {
    const count = Math.min(BATCH, VOTERS - from);
    const electors = Buffer.concat(Array.from({ length: count }, (_, i) => electorOf(from + i)));
    await pool.query("insert into participation (law_id, voter) select 'loi-1', unnest($1::bytea[])", [
      hashVoters(electors),
    ]);
  }
}

test('a Redis Cluster that has lost everything is rebuilt from the roll and PostgreSQL, with everybody’s mark', async () => {
  await everybodyHasVoted();
  const electorate = new Electorate(cluster, 'rebuild');
  const source = filesSource(join(folder, 'hashes.txt'));
  await loadElectorate({ electorate, source, pepper, shards: 3 });
  for (const node of cluster.nodes('master')) await node.flushall();
  expect((await electorate.state()).state).toBe('absent');

  const ledger = new Ledger(pool);
  const start = performance.now();
  const loaded = await loadElectorate({
    electorate,
    source,
    pepper,
    shards: 3,
    marks: () => ledger.participants(),
  });
  const seconds = (performance.now() - start) / 1000;
  console.log(`${VOTERS} voters, all of whom have voted, rebuilt in ${seconds.toFixed(1)} s`);
  expect(loaded).toMatchObject({ unique: VOTERS, errors: 0 });
  expect(await electorate.audit()).toEqual({ ok: true, counted: VOTERS });
  // Every mark is there: putting them back once more finds none missing.
  expect(await electorate.restoreMarks(ledger.participants())).toBe(0);
}, 600_000);
