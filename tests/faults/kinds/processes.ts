import type { FaultKind } from '../fault.ts';
import { pauseWithin, stageOf } from '../scene.ts';

/** Two of the stages that may run several times, and one of the others. */
export const STAGES = [
  'operator',
  'ingestion',
  'validation-1',
  'validation-2',
  'aggregation-1',
  'aggregation-2',
  'results',
] as const;

export const killStage: FaultKind = (random) => {
  const name = random.pick(STAGES);
  const backAfter = random.between(0, 1_500);
  return {
    says: `SIGKILL of ${name}, back after ${backAfter} ms`,
    at: random.between(5, 90) / 100,
    strike: async (scene) => {
      const stage = stageOf(scene, name);
      await stage.stop('SIGKILL');
      await pauseWithin(scene, backAfter);
      stage.start();
    },
  };
};

export const stopStage: FaultKind = (random) => {
  const name = random.pick(STAGES);
  const ms = random.between(200, 4_000);
  return {
    says: `SIGSTOP of ${name} for ${ms} ms`,
    at: random.between(5, 90) / 100,
    strike: async (scene) => {
      const { pid } = stageOf(scene, name);
      if (pid === undefined) return;
      signal(pid, 'SIGSTOP');
      await pauseWithin(scene, ms);
      signal(pid, 'SIGCONT');
    },
  };
};

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Another fault has ended it.
  }
}
