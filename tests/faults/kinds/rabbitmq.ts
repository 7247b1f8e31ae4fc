import { type FaultKind, midway } from '../fault.ts';
import { pauseWithin, stopAndContinue } from '../scene.ts';

/** rabbitmqctl's own calls, by Erlang's protocol: starting rabbitmqctl itself takes longer than the alarm. */
const MEMORY = 'vm_memory_monitor set_vm_memory_high_watermark';
const DISK = 'rabbit_disk_monitor set_disk_free_limit';

const alarm =
  (what: string, call: string, low: string, normal: string): FaultKind =>
  (random) => {
    const ms = random.between(300, 3_500);
    return {
      says: `RabbitMQ’s ${what} alarm for ${ms} ms`,
      at: midway(random),
      strike: async (scene) => {
        await scene.servers.callRabbitmq(`${call} [${low}]`);
        await pauseWithin(scene, ms);
        await scene.servers.callRabbitmq(`${call} [${normal}]`);
      },
    };
  };

/** The normal values are those of the private servers' configuration. */
export const memoryAlarm = alarm('memory', MEMORY, '0.00001', '0.4');
export const diskAlarm = alarm('disk', DISK, '900000000000000', '512000000');

/** Queues fill while nobody takes from them, and the broker is killed with what they hold. */
export const restartFullRabbitmq: FaultKind = (random) => {
  const filling = random.between(500, 2_000);
  const stages = random.pick([
    ['validation-1', 'validation-2'],
    ['aggregation-1', 'aggregation-2'],
    ['validation-1', 'validation-2', 'aggregation-1', 'aggregation-2'],
  ] as const);
  return {
    says: `RabbitMQ killed with the votes of ${filling} ms in its queues (${stages.join(', ')} stand still)`,
    at: midway(random, 5, 50),
    strike: async (scene) => {
      const standing = stages.map((name) => stopAndContinue(scene, name, filling + 1_000));
      await pauseWithin(scene, filling);
      await scene.servers.kill('rabbitmq');
      await scene.servers.repair();
      await Promise.all(standing);
    },
  };
};
