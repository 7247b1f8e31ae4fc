import type { FaultKind } from './fault.ts';
import { hangingClients } from './kinds/clients.ts';
import {
  cutConnections,
  delayConnections,
  freezeConnections,
  halfOpenConnections,
  refuseConnections,
} from './kinds/connections.ts';
import { poisonQueues, reorderQueue, repeatMessages } from './kinds/messages.ts';
import { exhaustConnections, failCommits, fillPostgresVolume, restartPostgres } from './kinds/postgres.ts';
import { killStage, stopStage, stopStageAndCut } from './kinds/processes.ts';
import { diskAlarm, memoryAlarm, restartFullRabbitmq } from './kinds/rabbitmq.ts';
import { loseRedis, truncateRedis } from './kinds/redis.ts';
import { serverProcessKinds } from './kinds/server-processes.ts';
import { backlog, jumpClock } from './kinds/stages.ts';
import { stepKinds } from './kinds/steps.ts';

/** Every kind of fault by name. Seeds that follow each other begin with kinds that follow each other here. */
export const KINDS: Readonly<Record<string, FaultKind>> = {
  'kill-stage': killStage,
  'stop-stage': stopStage,
  'stop-stage-and-cut': stopStageAndCut,
  ...stepKinds,
  cut: cutConnections,
  refuse: refuseConnections,
  freeze: freezeConnections,
  delay: delayConnections,
  'half-open': halfOpenConnections,
  ...serverProcessKinds,
  'redis-truncated': truncateRedis,
  'redis-lost': loseRedis,
  'rabbitmq-memory-alarm': memoryAlarm,
  'rabbitmq-disk-alarm': diskAlarm,
  'rabbitmq-restart-full': restartFullRabbitmq,
  'postgres-restart': restartPostgres,
  'postgres-failing-commits': failCommits,
  'postgres-no-connections': exhaustConnections,
  'postgres-disk-full': fillPostgresVolume,
  'repeated-messages': repeatMessages,
  'reordered-queue': reorderQueue,
  poison: poisonQueues,
  backlog,
  'clock-jump': jumpClock,
  'hanging-clients': hangingClients,
};
