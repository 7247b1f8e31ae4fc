import type { Publisher } from './publisher.ts';
import { type QueueName, ROUTING_KEYS } from './topology.ts';

export interface VoteForReview {
  /** The queue that the vote came from, to which it may be replayed. */
  queue: QueueName;
  vote: unknown;
  /** What is wrong, for a person. Never the value of a member: it may be a voter hash. */
  reason: string;
}

/** Sends one vote to the review queue; resolves with the broker's confirm. Rejects like `publish`. */
export async function sendToReview(
  publisher: Publisher,
  { queue, vote, reason }: VoteForReview,
): Promise<void> {
  const content = Buffer.from(JSON.stringify({ version: 1, votes: [vote] }));
  await publisher.publish(ROUTING_KEYS.review, content, {
    headers: { 'x-review-reason': reason.slice(0, 200), 'x-review-queue': queue },
  });
}
