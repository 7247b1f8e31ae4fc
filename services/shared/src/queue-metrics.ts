import { Gauge, type Registry } from 'prom-client';
import type { QueueName } from './topology.ts';

/** What a process knows of a queue. What it does not know is left out, and has no series. */
export interface QueueState {
  queue: QueueName;
  /** Messages that wait in the broker for a consumer. */
  ready?: number | undefined;
  /** Messages that this process has taken and not acknowledged. */
  held?: number | undefined;
  consumers?: number | undefined;
  /** Age of the oldest vote that waits, seconds; 0: none does. */
  oldestSeconds: number;
}

/** What the broker tells of a queue, with what this process holds of it. */
export const withHeld = (told: QueueState, { held, oldestSeconds }: QueueState): QueueState => ({
  ...told,
  held,
  oldestSeconds: Math.max(told.oldestSeconds, oldestSeconds),
});

/** Queues as this process sees them, asked when the metrics are read. */
export function queueMetrics(registry: Registry, read: () => readonly QueueState[]): void {
  const registers = [registry];
  new Gauge({
    name: 'scrutin_queue_messages',
    help: 'Messages of a queue: ready as the broker says, to be read as a maximum over aggregations; unacknowledged as this process holds them, to be summed',
    labelNames: ['queue', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { queue, ready, held } of read()) {
        if (ready !== undefined) this.set({ queue, state: 'ready' }, ready);
        if (held !== undefined) this.set({ queue, state: 'unacknowledged' }, held);
      }
    },
  });
  new Gauge({
    name: 'scrutin_oldest_vote_age_seconds',
    help: 'Age of the oldest vote that waits, to be read as a maximum over all processes; 0 if none does. Exact for votes that this process holds; for those in the broker the most it can be: since a later vote was taken or the queue was seen empty, or, after a restart, since the first look',
    labelNames: ['queue'],
    registers,
    collect() {
      for (const { queue, oldestSeconds } of read()) this.set({ queue }, oldestSeconds);
    },
  });
}

/** Consumers of each queue, for the process that asks the broker. */
export function consumerMetrics(registry: Registry, read: () => readonly QueueState[]): void {
  new Gauge({
    name: 'scrutin_queue_consumers',
    help: 'Consumers of a queue as the broker says, to be read as a maximum over aggregations',
    labelNames: ['queue'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { queue, consumers } of read()) if (consumers !== undefined) this.set({ queue }, consumers);
    },
  });
}
