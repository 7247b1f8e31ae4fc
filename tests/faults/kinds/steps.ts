import type { Direction } from '@scrutin/shared/testing/tcp-proxy.ts';
import { type FaultKind, midway } from '../fault.ts';
import type { Backing } from '../routes.ts';
import { killAndRestart, type Scene, type StageName } from '../scene.ts';

interface Step {
  stages: readonly StageName[];
  /** The connection on which the step is seen. */
  via: Backing | 'clients';
  direction: Direction;
  mark: string;
  /** The mark itself still passes. */
  after?: boolean;
  says: string;
}

/**
 * The boundaries between two steps of a vote's way: the stage's last words reach the server, and the server's
 * answer never reaches the stage; or the other way round.
 */
const VALIDATIONS = ['validation-1', 'validation-2'] as const;
const AGGREGATIONS = ['aggregation-1', 'aggregation-2'] as const;
const STEPS = {
  'ingestion-half-published': {
    stages: ['ingestion'],
    via: 'rabbitmq',
    direction: 'toServer',
    mark: 'publish',
    after: true,
    says: 'in the middle of publishing',
  },
  'ingestion-published': {
    stages: ['ingestion'],
    via: 'rabbitmq',
    direction: 'toClient',
    mark: 'ack',
    says: 'after its publish, before the confirm',
  },
  'ingestion-confirmed': {
    stages: ['ingestion'],
    via: 'clients',
    direction: 'toClient',
    mark: 'accepted',
    says: 'after the confirm, before the 202',
  },
  'validation-marked': {
    stages: VALIDATIONS,
    via: 'redis',
    direction: 'toClient',
    mark: 'decided',
    says: 'after the mark in Redis, before the publish',
  },
  'validation-forwarded': {
    stages: VALIDATIONS,
    via: 'rabbitmq',
    direction: 'toClient',
    mark: 'ack',
    says: 'after its publish, before the confirm',
  },
  'validation-acknowledging': {
    stages: VALIDATIONS,
    via: 'rabbitmq',
    direction: 'toServer',
    mark: 'ack',
    says: 'after the confirm, before the acknowledgement',
  },
  'aggregation-committing': {
    stages: AGGREGATIONS,
    via: 'postgres',
    direction: 'toServer',
    mark: 'commit',
    says: 'before the commit',
  },
  'aggregation-committed': {
    stages: AGGREGATIONS,
    via: 'postgres',
    direction: 'toClient',
    mark: 'committed',
    says: 'after the commit, before it knows of it',
  },
  'aggregation-acknowledging': {
    stages: AGGREGATIONS,
    via: 'rabbitmq',
    direction: 'toServer',
    mark: 'ack',
    says: 'after the commit, before the acknowledgement',
  },
} as const satisfies Record<string, Step>;

/** A fault at each step: the process is killed there, or only its connection is cut. Up to three times. */
export const stepKinds: Record<string, FaultKind> = Object.fromEntries(
  Object.entries<Step>(STEPS).map(([name, step]) => [
    name,
    (random) => {
      const stage = random.pick(step.stages);
      const kill = random.chance(0.7);
      const times = random.between(1, 3);
      const backAfter = random.between(0, 800);
      return {
        says: `${kill ? 'SIGKILL of' : 'a cut connection of'} ${stage} ${step.says}, ${times} times`,
        at: midway(random, 2, 70),
        strike: async (scene) => {
          for (let i = 0; i < times && !scene.over.aborted; i++)
            await strikeAt(scene, step, stage, kill ? backAfter : undefined);
        },
      };
    },
  ]),
);

/** Resolves once the stage was struck and is back, or when no more votes come. */
function strikeAt(scene: Scene, step: Step, stage: StageName, backAfter: number | undefined): Promise<void> {
  const proxy =
    step.via === 'clients' ? scene.routes.of('clients', 'ingestion') : scene.routes.of(stage, step.via);
  return new Promise((resolve) => {
    const done = () => {
      scene.missed++;
      callOff();
      scene.over.removeEventListener('abort', done);
      resolve();
    };
    const struck = () => {
      scene.over.removeEventListener('abort', done);
      if (backAfter !== undefined) void killAndRestart(scene, stage, backAfter).then(resolve);
      else {
        proxy.cut();
        resolve();
      }
    };
    const callOff = proxy.holdAt(step.direction, step.mark, struck, { after: step.after ?? false });
    scene.over.addEventListener('abort', done);
    if (scene.over.aborted) done();
  });
}
