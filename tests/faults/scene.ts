import { pause } from '@scrutin/shared/retry.ts';
import type { ElectionUnderTest } from '../support/election-under-test.ts';
import { sendSignal } from '../support/process-tree.ts';
import type { StageProcess } from '../support/stage-process.ts';
import type { Routes } from './routes.ts';
import type { FaultServers } from './servers.ts';

/** The stages of every round: two of those that may run several times, one of the others. */
export const STAGES = [
  'operator',
  'ingestion',
  'validation-1',
  'validation-2',
  'aggregation-1',
  'aggregation-2',
  'results',
] as const;
export type StageName = (typeof STAGES)[number];

/** So long a fault tries what another one may prevent: on a busy machine a server takes minutes to be back. Milliseconds. */
const REPAIR_LIMIT_MS = 300_000;

/** What a fault may lay its hands on. */
export interface Scene {
  election: ElectionUnderTest;
  servers: FaultServers;
  routes: Routes;
  /** Aborted once all requests of the round are through. */
  over: AbortSignal;
  /** Stages that a fault has down; another leaves them alone. */
  down: Set<string>;
  /** Ids of messages that were put into the queues and that nobody can use: they belong into review. */
  poison: Set<string>;
  /** How often a fault has come to nothing: its moment did not come, or nobody noticed it. */
  missed: number;
  /** Milliseconds that a stage's wall clock is ahead from now on. */
  shiftClock: (stage: StageName, ms: number) => void;
}

export function stageOf({ election }: Scene, name: StageName): StageProcess {
  return election.stages.find(({ options }) => options.name === name)!;
}

/** Waits, but not past the end of the round's requests. */
export const pauseWithin = ({ over }: Scene, ms: number): Promise<void> => pause(ms, over);

/** SIGKILL at once, and a start after `backAfterMs`, as whatever looks after the process would do. */
export async function killAndRestart(scene: Scene, name: StageName, backAfterMs: number): Promise<void> {
  const stage = stageOf(scene, name);
  if (stage.pid === undefined || scene.down.has(name)) return;
  scene.down.add(name);
  await stage.stop('SIGKILL');
  await pauseWithin(scene, backAfterMs);
  stage.start();
  scene.down.delete(name);
}

/** SIGSTOP, and SIGCONT after `ms`. */
export async function stopAndContinue(scene: Scene, name: StageName, ms: number): Promise<void> {
  const { pid } = stageOf(scene, name);
  if (pid === undefined) return;
  sendSignal(pid, 'SIGSTOP');
  await pauseWithin(scene, ms);
  sendSignal(pid, 'SIGCONT');
}

/** Tries again and again what another fault may prevent; after {@link REPAIR_LIMIT_MS} the last try's error is its own. */
export async function persistently<T>(attempt: () => Promise<T>, pauseMs: number): Promise<T> {
  const deadline = performance.now() + REPAIR_LIMIT_MS;
  for (;;)
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(pauseMs);
    }
}
