import { type FaultKind, midway } from '../fault.ts';
import { pauseWithin, stageOf } from '../scene.ts';

/** An aggregation, or a validation, that falls far behind: all of the round's votes wait for it. */
export const backlog: FaultKind = (random) => {
  const stages = random.pick([
    ['aggregation-1', 'aggregation-2'],
    ['validation-1', 'validation-2'],
  ] as const);
  return {
    says: `${stages.join(' and ')} away until the last vote was sent`,
    at: midway(random, 1, 10),
    strike: async (scene) => {
      for (const name of stages) {
        scene.down.add(name);
        await stageOf(scene, name).stop('SIGTERM');
      }
      await pauseWithin(scene, 600_000);
      for (const name of stages) {
        stageOf(scene, name).start();
        scene.down.delete(name);
      }
    },
  };
};

const HOUR = 3_600_000;
/** Milliseconds. The last two leave the time in which votes are taken, on either side. */
const JUMPS = [
  1_000,
  -1_000,
  HOUR,
  -HOUR,
  24 * HOUR,
  -24 * HOUR,
  20 * 365 * 24 * HOUR,
  100 * 365 * 24 * HOUR,
  -2 * 365 * 24 * HOUR,
];

/** The wall clock of one process jumps, and back. Not the operator's: that would close the election for good. */
export const jumpClock: FaultKind = (random) => {
  const name = random.pick(['ingestion', 'validation-1', 'aggregation-1', 'results'] as const);
  const jumps = Array.from({ length: random.between(1, 4) }, () => random.pick(JUMPS));
  const ms = random.between(200, 1_000);
  return {
    says: `the clock of ${name} jumps by ${jumps.join(', ')} ms, ${ms} ms each`,
    at: midway(random),
    strike: async (scene) => {
      for (const jump of jumps) {
        scene.shiftClock(name, jump);
        await pauseWithin(scene, ms);
      }
      scene.shiftClock(name, 0);
    },
  };
};
