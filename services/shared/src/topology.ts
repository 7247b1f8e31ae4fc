/** Names of the RabbitMQ topology. The reconciler makes it; the stages only check that it is there. */
export const EXCHANGE = 'votes';

export const QUEUES = {
  validation: 'validation_queue',
  aggregation: 'aggregation_queue',
  review: 'review_queue',
} as const;
export type QueueName = (typeof QUEUES)[keyof typeof QUEUES];

export const ROUTING_KEYS = {
  validation: 'vote.pending',
  aggregation: 'vote.decided',
  review: 'vote.review',
} as const;

/** Each queue's binding to the exchange. */
export const BINDINGS: readonly { queue: QueueName; routingKey: string }[] = [
  { queue: QUEUES.validation, routingKey: ROUTING_KEYS.validation },
  { queue: QUEUES.aggregation, routingKey: ROUTING_KEYS.aggregation },
  { queue: QUEUES.review, routingKey: ROUTING_KEYS.review },
];

/** Virtual host of an election. */
export const virtualHost = (electionId: string): string => `scrutin-${electionId}`;
