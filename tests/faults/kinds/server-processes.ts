import { type FaultKind, midway } from '../fault.ts';
import { pauseWithin } from '../scene.ts';

const killServer =
  (name: 'redis' | 'rabbitmq' | 'postgres'): FaultKind =>
  (random) => {
    const downFor = random.between(0, 1_500);
    return {
      says: `SIGKILL of ${name}, started again after ${downFor} ms`,
      at: midway(random),
      strike: async (scene) => {
        await scene.servers.kill(name);
        await pauseWithin(scene, downFor);
        await scene.servers.repair();
      },
    };
  };

const stopServer =
  (name: 'redis' | 'rabbitmq' | 'postgres'): FaultKind =>
  (random) => {
    const ms = random.between(200, 5_000);
    return {
      says: `SIGSTOP of ${name} for ${ms} ms`,
      at: midway(random),
      strike: async (scene) => {
        scene.servers.signalAll(name, 'SIGSTOP');
        await pauseWithin(scene, ms);
        scene.servers.signalAll(name, 'SIGCONT');
      },
    };
  };

export const serverProcessKinds: Record<string, FaultKind> = {
  'kill-redis': killServer('redis'),
  'kill-rabbitmq': killServer('rabbitmq'),
  'kill-postgres': killServer('postgres'),
  'stop-redis': stopServer('redis'),
  'stop-rabbitmq': stopServer('rabbitmq'),
  'stop-postgres': stopServer('postgres'),
};
