import { StepError } from '../reconcile/conditions.ts';
import type { PolicyDefinition } from './queue-policies.ts';

/** Of our policies; a broker-wide one is commonly 0. Of all that match a queue only the highest applies. */
export const POLICY_PRIORITY = 10;

export interface Policy {
  pattern: string;
  'apply-to': string;
  priority: number;
  definition: PolicyDefinition;
}

/** True if the broker has the policy as it is wanted. */
export function samePolicy(found: unknown, wanted: Policy): boolean {
  const { pattern, priority, definition = {}, 'apply-to': applyTo } = found as Partial<Policy>;
  const names = Object.keys(definition);
  return (
    pattern === wanted.pattern &&
    applyTo === wanted['apply-to'] &&
    priority === wanted.priority &&
    names.length === Object.keys(wanted.definition).length &&
    names.every((name) => definition[name] === wanted.definition[name])
  );
}

/** Arguments by which votes could vanish or be held back, whatever the queue’s policy says. */
const HARMFUL_ARGUMENTS = [
  'x-message-ttl',
  'x-expires',
  'x-overflow',
  'x-max-length',
  'x-max-length-bytes',
  'x-delivery-limit',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
  'x-single-active-consumer',
] as const;

/** A queue as the management API shows it. */
export interface FoundQueue {
  name: string;
  type?: string;
  /** Name of the policy that applies; empty, null or absent if none does, by RabbitMQ’s generation. */
  policy?: string | null;
  arguments?: Readonly<Record<string, unknown>>;
}

/**
 * Throws a {@link StepError} if the queue can't be used as it is. `settled` is true unless its policy was put just
 * now: the broker applies it a moment later.
 */
export function checkQueue(vhost: string, queue: FoundQueue, settled: boolean): void {
  const { name, type, policy, arguments: given = {} } = queue;
  if (type !== undefined && type !== 'quorum') throw wrongTopology(`queue ${name}`, vhost, `a ${type} queue`);
  const harmful = HARMFUL_ARGUMENTS.filter((argument) => argument in given);
  if (harmful.length > 0)
    throw wrongTopology(`queue ${name}`, vhost, `one with the arguments ${harmful.join(', ')}`);
  if (settled && policy && policy !== name)
    throw new StepError(
      'PolicyOverridden',
      `policy ${policy} in virtual host ${vhost} takes the place of ${name}’s own; delete it, or give it a priority below ${POLICY_PRIORITY}`,
      { lasting: true },
    );
}

/** Throws a {@link StepError} if what answers can't administrate an election: `overview` is the API's own. */
export function checkOverview(overview: unknown): void {
  const { rabbitmq_version, disable_stats } = (overview ?? {}) as {
    rabbitmq_version?: unknown;
    disable_stats?: boolean;
  };
  if (typeof rabbitmq_version !== 'string')
    throw new StepError(
      'Unreachable',
      'What answers at RABBITMQ_MANAGEMENT_URL is not RabbitMQ’s management API; correct the address, or enable the plugin rabbitmq_management',
    );
  // Without totals no queue is ever known to be empty, and no election would close.
  if (disable_stats === true)
    throw new StepError(
      'StatisticsDisabled',
      'RabbitMQ keeps no statistics, and without them nobody can tell when the queues are empty; set management.disable_stats to false',
      { lasting: true },
    );
}

/** An exchange as the management API shows it. */
export interface FoundExchange {
  name: string;
  type?: string;
  durable?: boolean;
  auto_delete?: boolean;
  internal?: boolean;
}

/** Throws a {@link StepError} if the exchange can't be used as it is. */
export function checkExchange(vhost: string, exchange: FoundExchange): void {
  const { name, type, durable, auto_delete, internal } = exchange;
  const kind = [!durable && 'transient', auto_delete && 'auto-deleted', internal && 'internal'].filter(
    Boolean,
  );
  if (type !== 'topic' || kind.length > 0)
    throw wrongTopology(
      `exchange ${name}`,
      vhost,
      [auto_delete || internal ? 'an' : 'a', ...kind, type, 'exchange'].join(' '),
    );
}

const wrongTopology = (what: string, vhost: string, is: string): StepError =>
  new StepError(
    'WrongTopology',
    `${what} in virtual host ${vhost} is ${is}, made by somebody else; move its messages away and delete it, then it is made anew`,
    { lasting: true },
  );
