import { type FaultKind, midway } from '../fault.ts';
import { killAndRestart, STAGES, stopAndContinue } from '../scene.ts';

export const killStage: FaultKind = (random) => {
  const name = random.pick(STAGES);
  const backAfter = random.between(0, 1_500);
  return {
    says: `SIGKILL of ${name}, back after ${backAfter} ms`,
    at: midway(random),
    strike: (scene) => killAndRestart(scene, name, backAfter),
  };
};

export const stopStage: FaultKind = (random) => {
  const name = random.pick(STAGES);
  const ms = random.between(200, 4_000);
  return {
    says: `SIGSTOP of ${name} for ${ms} ms`,
    at: midway(random),
    strike: (scene) => stopAndContinue(scene, name, ms),
  };
};

/** A worker that the broker has given up in the meantime: it goes on as if nothing had been. */
export const stopStageAndCut: FaultKind = (random) => {
  const name = random.pick(['validation-1', 'aggregation-1'] as const);
  const ms = random.between(200, 3_000);
  return {
    says: `SIGSTOP of ${name} for ${ms} ms, its connection to RabbitMQ cut meanwhile`,
    at: midway(random),
    strike: async (scene) => {
      const going = stopAndContinue(scene, name, ms);
      scene.routes.of(name, 'rabbitmq').cut();
      await going;
    },
  };
};
