import type { ElectionUnderTest } from '../support/election-under-test.ts';
import type { StageProcess } from '../support/stage-process.ts';
import type { FaultServers } from './servers.ts';

/** What a fault may lay its hands on. */
export interface Scene {
  election: ElectionUnderTest;
  servers: FaultServers;
  /** Aborted once all requests of the round are through. */
  over: AbortSignal;
}

/** A stage by name: operator, ingestion, validation-1, … Throws if the round has none of that name. */
export function stageOf({ election }: Scene, name: string): StageProcess {
  const stage = election.stages.find(({ options }) => options.name === name);
  if (!stage) throw new Error(`the round has no ${name}`);
  return stage;
}

/** Waits, but not past the end of the round's requests. */
export const pauseWithin = (scene: Scene, ms: number): Promise<void> =>
  new Promise((resolve) => {
    if (scene.over.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      scene.over.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    scene.over.addEventListener('abort', done);
  });
