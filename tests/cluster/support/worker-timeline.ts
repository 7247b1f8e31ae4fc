import { AppsV1Api, KubeConfig } from '@kubernetes/client-node';
import { pause } from '@scrutin/shared/retry.ts';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { connect } from 'amqplib';
import type { InstalledElection } from './installed-election.ts';

export interface Sample {
  /** Seconds since the time line began. */
  t: number;
  /** Votes that had been accepted. */
  accepted: number;
  /** Messages of validation_queue that wait for a worker, as the queue itself says: the broker's statistics are seconds old. */
  messages: number;
  /** Workers that are asked for, and those that are ready. */
  desired: number;
  ready: number;
}

/** What becomes of queue and workers while votes are cast: a sample about every second, until {@link stop}. */
export class WorkerTimeline {
  readonly samples: Sample[] = [];
  readonly #begun = Date.now();
  readonly #accepted: () => number;
  readonly #stopped = new AbortController();
  #done: Promise<void> = Promise.resolve();

  private constructor(accepted: () => number) {
    this.#accepted = accepted;
  }

  static async start(election: InstalledElection, accepted: () => number): Promise<WorkerTimeline> {
    const timeline = new WorkerTimeline(accepted);
    const config = new KubeConfig();
    config.loadFromFile(process.env.KUBECONFIG!);
    const apps = config.makeApiClient(AppsV1Api);
    const broker = await election.openBroker();
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    timeline.#done = timeline
      .#follow(async () => {
        const { messageCount } = await channel.checkQueue(QUEUES.validation);
        const name = `${election.name}-validation`;
        const { spec, status } = await apps.readNamespacedDeployment({ name, namespace: election.namespace });
        return { messages: messageCount, desired: spec?.replicas ?? 0, ready: status?.readyReplicas ?? 0 };
      })
      .finally(() => connection.close())
      .finally(() => broker.close());
    return timeline;
  }

  /** Seconds since it began. */
  get now(): number {
    return (Date.now() - this.#begun) / 1000;
  }

  /** Resolves with the first sample from `since` seconds on that is as wanted; rejects with the time line after `timeoutMs`. */
  async until(
    what: string,
    wanted: (sample: Sample) => boolean,
    since: number,
    timeoutMs: number,
  ): Promise<Sample> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = this.samples.find((sample) => sample.t >= since && wanted(sample));
      if (found) return found;
      if (Date.now() > deadline)
        throw new Error(`not within ${timeoutMs / 1000} s: ${what}\n${this.table()}`);
      await pause(250);
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#done;
  }

  /** A line each sample in which something is new, for people. */
  table(): string {
    const rows = this.samples.filter(
      ({ desired, ready, t }, i) =>
        i === 0 ||
        desired !== this.samples[i - 1]!.desired ||
        ready !== this.samples[i - 1]!.ready ||
        Math.floor(t / 5) !== Math.floor(this.samples[i - 1]!.t / 5),
    );
    const lines = rows.map(({ t, accepted, messages, desired, ready }) =>
      [t.toFixed(1), accepted, messages, desired, ready].map((cell) => String(cell).padStart(9)).join(''),
    );
    const head = ['t (s)', 'accepted', 'messages', 'desired', 'ready']
      .map((cell) => cell.padStart(9))
      .join('');
    return [head, ...lines].join('\n');
  }

  async #follow(look: () => Promise<Pick<Sample, 'messages' | 'desired' | 'ready'>>): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const t = this.now;
      const accepted = this.#accepted();
      // A look that fails is a gap in the time line.
      const seen = await look().catch(() => undefined);
      if (seen) this.samples.push({ t, accepted, ...seen });
      await pause(1_000, this.#stopped.signal);
    }
  }
}
