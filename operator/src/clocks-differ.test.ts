import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { electionDatabaseUrl } from '@scrutin/shared/election-urls.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import { toPublished } from './election-resource.ts';
import { silentLog } from './ledger/testing/fresh-ledger.ts';
import { SERVERS } from './local/testing/local-operator.ts';
import { testElection } from './reconcile/testing/election.ts';
import { type ServerPorts, serverPorts } from './server-ports.ts';

const DIGEST = 'ab'.repeat(32);
const HOUR = 3_600_000;
let ports: ServerPorts;

beforeEach(async () => {
  const electionId = `t-${randomBytes(6).toString('hex')}`;
  ports = serverPorts({
    electionId,
    addresses: {
      redisUrl: SERVERS.REDIS_URL,
      rabbitmqManagementUrl: SERVERS.RABBITMQ_MANAGEMENT_URL,
      databaseUrl: electionDatabaseUrl(SERVERS.DATABASE_URL, electionId),
    },
    pepper: pepperFromHex('5e'.repeat(32)),
    openSource: () => Promise.reject(new Error('not asked for')),
    log: silentLog,
  });
  await ports.ledger.migrate();
});
afterEach(async () => {
  await ports.ledger.remove();
  await ports.close();
});

/** An election that closes so many milliseconds from now. */
async function closing(inMs: number): Promise<void> {
  const moment = (ms: number) => new Date(Date.now() + ms).toISOString();
  const election = testElection({ opensAt: moment(inMs - HOUR), closesAt: moment(inMs) });
  await ports.ledger.publishElection(toPublished(election, 3, { shards: 1, bucketBits: 0 }), 'Open');
}

it('an operator whose clock alone is past the closing declares nothing final', async () => {
  await closing(HOUR);
  const close = ports.ledger.close(DIGEST, new Date(Date.now() + 2 * HOUR));
  await expect(close).rejects.toMatchObject({ reason: 'ClocksDiffer' });
  expect(await ports.ledger.closed()).toBeUndefined();
});

it('an election that has closed by both clocks is declared final', async () => {
  await closing(-1_000);
  await ports.ledger.close(DIGEST, new Date());
  expect(await ports.ledger.closed()).toMatchObject({ digest: DIGEST });
});
