import type { Publisher } from './publisher.ts';
import type { DecidedVote, PendingVote } from './vote-message.ts';
import type { VoteTracing } from './vote-tracing.ts';

export interface VotesToPublish {
  votes: readonly (PendingVote | DecidedVote)[];
  /** The same, encoded. */
  content: Buffer;
}

/** Publishes a message of votes, with the places of those that are traced in its headers. Rejects like `publish`. */
export function publishVotes(
  publisher: Pick<Publisher, 'publish'>,
  routingKey: string,
  { votes, content }: VotesToPublish,
  tracing: VoteTracing | undefined,
): Promise<void> {
  if (!tracing) return publisher.publish(routingKey, content);
  return tracing.publish(votes, routingKey, (headers) =>
    publisher.publish(routingKey, content, headers ? { headers } : {}),
  );
}
