import { isDeepStrictEqual } from 'node:util';
import type { RawElection } from './election-informer.ts';

/**
 * True if all that has changed of an Election is its status, and that to what this process wrote there: no reason to look
 * at it again. `before`: as it was worked on last.
 */
export function isOwnWrite(
  before: RawElection,
  { metadata, status }: RawElection,
  written: unknown,
): boolean {
  const { uid, generation, deletionTimestamp, annotations } = before.metadata;
  return (
    uid === metadata.uid &&
    generation === metadata.generation &&
    deletionTimestamp === metadata.deletionTimestamp &&
    isDeepStrictEqual(annotations, metadata.annotations) &&
    isDeepStrictEqual(status, written)
  );
}
