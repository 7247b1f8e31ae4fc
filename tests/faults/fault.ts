import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

/** One thing that breaks in a round, and its repair. */
export interface Fault {
  /** In words, with what chance has chosen: `SIGKILL of validation-1, back after 300 ms`. */
  says: string;
  /** Strikes when this share of the requests is through, 0 to 1. */
  at: number;
  /** What has to be there before the first request. */
  prepare?: (scene: Scene) => Promise<void>;
  /**
   * Breaks it and repairs it; resolves once it is repaired. It ends soon after `scene.over` is aborted, which says
   * that no more votes come.
   */
  strike: (scene: Scene) => Promise<void>;
}

/** A kind of fault: from chance alone, so that the same seed makes the same. */
export type FaultKind = (random: Random) => Fault;

/** Somewhere in the middle of the requests, as a share. */
export const midway = (random: Random, from = 5, to = 85): number => random.between(from, to) / 100;
