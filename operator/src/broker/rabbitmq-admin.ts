import type { Log } from '@scrutin/shared/log.ts';
import { BINDINGS, EXCHANGE, QUEUES, type QueueName, virtualHost } from '@scrutin/shared/topology.ts';
import { StepError } from '../reconcile/conditions.ts';
import type { BrokerPort } from '../reconcile/ports.ts';
import { isDrained } from './drained.ts';
import { ManagementApi } from './management-api.ts';
import { type PolicyDefinition, queuePolicies } from './queue-policies.ts';
import { ensureStageUser, removeStageUser, type StageUser } from './stage-user.ts';
import {
  checkExchange,
  checkOverview,
  checkQueue,
  type FoundExchange,
  type FoundQueue,
  POLICY_PRIORITY,
  samePolicy,
} from './topology-faults.ts';

export interface RabbitmqAdminOptions {
  /** `http://user:password@host:15672`; a user who may make virtual hosts. */
  managementUrl: string;
  log: Log;
  timeoutMs?: number;
  /** Whom the stages connect as; by default the user of `managementUrl`. */
  stageUser?: StageUser;
  /** Messages that validation's and aggregation's queues take; 1,000,000 by default. */
  maxLength?: number;
  /**
   * Milliseconds by which the API's queue totals may lag behind. A queue tells its counts every 5 s and the
   * API collects them every 5 s, so 10 s by default.
   */
  statisticsLagMs?: number;
}

export interface QueueDepth {
  ready: number;
  unacknowledged: number;
  consumers: number;
}

interface QueueAnswer {
  name: string;
  /** Ready and unacknowledged. Absent until the first statistics have come. */
  messages?: number;
  /** Rejected, and kept until review has confirmed them. */
  messages_dlx?: number;
  messages_ready?: number;
  messages_unacknowledged?: number;
  consumers?: number;
}

const FULL_RIGHTS = { configure: '.*', write: '.*', read: '.*' } as const;

/** An election's place on the broker, made and looked at over the management API. */
export class RabbitmqAdmin implements BrokerPort {
  readonly #api: ManagementApi;
  readonly #options: RabbitmqAdminOptions;

  constructor(options: RabbitmqAdminOptions) {
    this.#options = options;
    this.#api = new ManagementApi(options.managementUrl, options.timeoutMs);
  }

  /** Rejects if the broker can't be administrated now. */
  async ping(): Promise<void> {
    checkOverview((await this.#api.get('overview')).body);
  }

  /**
   * Makes what is missing: virtual host, rights, exchange, queues, bindings, policies. Resolves with what was
   * made, in words; empty if all was there (P7). Never deletes a queue: throws {@link StepError} if one is of
   * the wrong type.
   *
   * `beforeQueues` is called once, before the first queue that is missing is made: that it was gone can be seen until then,
   * and by nobody afterwards. If it rejects, no queue is made.
   */
  async ensureTopology(electionId: string, beforeQueues?: () => Promise<void>): Promise<string[]> {
    const vhost = virtualHost(electionId);
    const made: string[] = [];
    if ((await this.#api.get('vhosts', vhost)).status === 404) {
      await this.#api.put(
        { description: `Election ${electionId}`, default_queue_type: 'quorum' },
        'vhosts',
        vhost,
      );
      made.push(`virtual host ${vhost}`);
    }
    if (await this.#ensureRights(vhost)) made.push(`rights of ${this.#api.user}`);
    if (this.#stageUser) made.push(...(await ensureStageUser(this.#api, electionId, this.#stageUser)));
    // Policies come first, so that no queue is without its limits for a moment.
    const changed = new Set<string>();
    for (const [queue, definition] of Object.entries(queuePolicies(this.#options.maxLength)))
      if (await this.#ensurePolicy(vhost, queue, definition)) changed.add(queue);
    for (const queue of changed) made.push(`policy of ${queue}`);
    if (await this.#ensureExchange(vhost)) made.push(`exchange ${EXCHANGE}`);
    const missing: QueueName[] = [];
    for (const queue of Object.values(QUEUES))
      if (!(await this.#hasQueue(vhost, queue, !changed.has(queue)))) missing.push(queue);
    if (missing.length > 0) await beforeQueues?.();
    for (const queue of missing) {
      await this.#api.put({ durable: true, arguments: { 'x-queue-type': 'quorum' } }, 'queues', vhost, queue);
      made.push(`queue ${queue}`);
    }
    for (const { queue, routingKey } of BINDINGS)
      if (await this.#ensureBinding(vhost, queue, routingKey)) made.push(`binding of ${queue}`);
    return made;
  }

  /** Messages and consumers of each queue, as of the last few seconds. Zero for a queue that isn't there. */
  async depths(electionId: string): Promise<Record<QueueName, QueueDepth>> {
    const totals = await this.#totals(electionId);
    const depth = (name: QueueName): QueueDepth => {
      const queue = totals.get(name);
      return {
        ready: queue?.messages_ready ?? 0,
        unacknowledged: queue?.messages_unacknowledged ?? 0,
        consumers: queue?.consumers ?? 0,
      };
    };
    return {
      [QUEUES.validation]: depth(QUEUES.validation),
      [QUEUES.aggregation]: depth(QUEUES.aggregation),
      [QUEUES.review]: depth(QUEUES.review),
    };
  }

  /**
   * True only if every vote that was in the queues when this was called has left them for the tally, and
   * nothing lies in review: see {@link isDrained}.
   */
  async isDrained(electionId: string, signal?: AbortSignal): Promise<boolean> {
    const lag = (this.#options.statisticsLagMs ?? 10_000) + 1_000;
    const count = async () => {
      const totals = await this.#totals(electionId);
      return new Map(
        // What is being dead-lettered is no longer among the queue’s messages, and not yet in review.
        [...totals].map(([name, { messages = Number.NaN, messages_dlx = 0 }]) => [
          name,
          messages + messages_dlx,
        ]),
      );
    };
    return isDrained(count, lag, signal);
  }

  /** Removes the election from the broker, with every message. Absent is success (P7). */
  async remove(electionId: string): Promise<void> {
    await this.#api.delete('vhosts', virtualHost(electionId));
    if (this.#stageUser) await removeStageUser(this.#api, electionId, this.#stageUser);
  }

  async #totals(electionId: string): Promise<Map<string, QueueAnswer>> {
    const { body } = await this.#api.get('queues', virtualHost(electionId));
    const queues = Array.isArray(body) ? (body as QueueAnswer[]) : [];
    return new Map(queues.map((queue) => [queue.name, queue]));
  }

  /** The stages' user where it is another than the one who administrates. */
  get #stageUser(): StageUser | undefined {
    const { stageUser } = this.#options;
    return stageUser?.name === this.#api.user ? undefined : stageUser;
  }

  async #ensureRights(vhost: string): Promise<boolean> {
    const { user } = this.#api;
    if ((await this.#api.get('permissions', vhost, user)).status !== 404) return false;
    await this.#api.put(FULL_RIGHTS, 'permissions', vhost, user);
    return true;
  }

  async #ensurePolicy(vhost: string, queue: string, definition: PolicyDefinition): Promise<boolean> {
    const wanted = { pattern: `^${queue}$`, 'apply-to': 'queues', priority: POLICY_PRIORITY, definition };
    const { status, body } = await this.#api.get('policies', vhost, queue);
    if (status === 200 && samePolicy(body, wanted)) return false;
    await this.#api.put(wanted, 'policies', vhost, queue);
    return true;
  }

  async #ensureExchange(vhost: string): Promise<boolean> {
    const { status, body } = await this.#api.get('exchanges', vhost, EXCHANGE);
    if (status === 404) {
      await this.#api.put({ type: 'topic', durable: true }, 'exchanges', vhost, EXCHANGE);
      return true;
    }
    checkExchange(vhost, body as FoundExchange);
    return false;
  }

  async #hasQueue(vhost: string, queue: QueueName, settled: boolean): Promise<boolean> {
    const { status, body } = await this.#api.get('queues', vhost, queue);
    if (status === 404) return false;
    checkQueue(vhost, body as FoundQueue, settled);
    return true;
  }

  async #ensureBinding(vhost: string, queue: QueueName, routingKey: string): Promise<boolean> {
    const path = ['bindings', vhost, 'e', EXCHANGE, 'q', queue];
    const { body } = await this.#api.get(...path);
    const bindings = Array.isArray(body) ? (body as { routing_key: string }[]) : [];
    if (bindings.some((binding) => binding.routing_key === routingKey)) return false;
    await this.#api.post({ routing_key: routingKey }, ...path);
    return true;
  }
}
