import { createLog } from '@scrutin/shared/log.ts';
import { connectRedis, redisReady } from '@scrutin/shared/redis.ts';
import { RabbitmqAdmin } from '../../operator/src/broker/rabbitmq-admin.ts';
import { Electorate } from '../../operator/src/electorate/electorate.ts';
import { dropLedger } from '../../operator/src/ledger/migrate.ts';
import type { ElectionUnderTest } from './election-under-test.ts';

/** Removes all that a stopped election has on servers that others use too. */
export async function removeElection(election: ElectionUnderTest): Promise<void> {
  const log = createLog({ stage: 'test', level: 'silent' });
  const redis = connectRedis({ url: election.urls.REDIS_URL, log });
  await redisReady(redis);
  await new Electorate(redis, election.id).remove();
  redis.disconnect();
  await new RabbitmqAdmin({ managementUrl: election.urls.RABBITMQ_MANAGEMENT_URL, log }).remove(election.id);
  await dropLedger(election.databaseUrl);
  election.discardFolder();
}
