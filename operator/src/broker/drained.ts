import { pause } from '@scrutin/shared/retry.ts';
import { QUEUES, type QueueName } from '@scrutin/shared/topology.ts';

/** Messages that a queue still answers for: ready, delivered, or on their way to another queue. */
export type MessageCounts = ReadonlyMap<string, number>;

/** In the order in which a message goes through them. */
const ALL: readonly QueueName[] = [QUEUES.validation, QUEUES.aggregation, QUEUES.review];

/**
 * True only if every vote that was in the queues when this was called has left them for the tally. Nothing
 * may be published to validation meanwhile (the election has closed).
 *
 * A quorum queue's counts are some seconds old whichever way they are asked for, the unacknowledged ones at
 * least, so a zero is believed only of a moment after the question. A message is in the next queue before it
 * leaves one (P1), so validation's queue is seen empty first, then aggregation's, then review's: a look
 * each, beside the first one, which tells nothing that is sure but ends most questions at once. Takes three
 * times the lag when the answer is yes, and ends with the first look that finds a message when it is no.
 *
 * @param lagMs how old the counts may be, in milliseconds
 * @param signal ends the wait with false
 */
export async function isDrained(
  count: () => Promise<MessageCounts>,
  lagMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  for (let look = 0; look <= ALL.length; look++) {
    if (look > 0) await pause(lagMs, signal);
    if (signal?.aborted) return false;
    const counts = await count();
    // A queue that is not there says nothing about the votes that were in it.
    if (!ALL.every((queue) => counts.get(queue) === 0)) return false;
  }
  return true;
}
