import { EXCHANGE, QUEUES, type QueueName, ROUTING_KEYS } from '@scrutin/shared/topology.ts';

/** What a queue's policy says (RabbitMQ's names). */
export type PolicyDefinition = Readonly<Record<string, string | number>>;

/**
 * Deliveries of a message before it is set aside: a message that kills its worker each time must not do so
 * for ever, and the loss of a connection, which counts as well, must not set aside a good one.
 */
export const DELIVERY_LIMIT = 50;
/** Messages of up to 128 votes: past it the broker refuses, and ingestion answers 503 (P6). */
const MAX_LENGTH = 1_000_000;
const MAX_REVIEW_LENGTH = 100_000;

/**
 * One policy a queue: only one applies at a time. Policies and not queue arguments, because they can be
 * changed later. With dead-letter-strategy at-least-once a message leaves its queue only when review has it (P1);
 * that needs overflow reject-publish.
 */
export function queuePolicies(maxLength = MAX_LENGTH): Record<QueueName, PolicyDefinition> {
  const worked: PolicyDefinition = {
    'delivery-limit': DELIVERY_LIMIT,
    'dead-letter-exchange': EXCHANGE,
    'dead-letter-routing-key': ROUTING_KEYS.review,
    'dead-letter-strategy': 'at-least-once',
    overflow: 'reject-publish',
    'max-length': maxLength,
  };
  return {
    [QUEUES.validation]: worked,
    [QUEUES.aggregation]: worked,
    // Nothing beyond review: what a person looks at is never thrown away by a limit.
    [QUEUES.review]: { overflow: 'reject-publish', 'max-length': MAX_REVIEW_LENGTH },
  };
}
