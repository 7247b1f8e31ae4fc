import { createLog } from '@scrutin/shared/log.ts';
import type { ElectionStatus, Phase } from '../../election-resource.ts';
import type { StepError } from '../../reconcile/conditions.ts';
import { FakeServers } from '../../reconcile/testing/fake-servers.ts';
import { Controller, type ControllerObserver } from '../controller.ts';
import { keyOf } from '../election-informer.ts';
import type { PortsSource } from '../election-ports.ts';
import { EventRecorder } from '../events.ts';
import { Finalizer } from '../finalizer.ts';
import { StatusWriter } from '../status-writer.ts';
import { unavailablePorts } from '../unavailable-ports.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeElections } from './fake-elections.ts';

/** A controller over an API server and servers in memory, with a clock of its own. */
export class ControllerUnderTest {
  readonly clock = new FakeClock();
  readonly elections = new FakeElections();
  /** By the Election's key. */
  readonly servers = new Map<string, FakeServers>();
  /** By the Election's key: why its servers can't even be named. */
  readonly unavailable = new Map<string, StepError>();
  /** By key: reconciliations that go on now; how often one began while another of the same Election went on. */
  readonly open = new Map<string, number>();
  overlaps = 0;
  /** `reason: message` of what was told, by the Election's key. */
  readonly events: [key: string, text: string][] = [];
  readonly errors: string[] = [];
  statusWrites = 0;
  leads = true;
  forgotten: string[] = [];
  /** What closing the connections comes to. */
  closing: () => Promise<void> = async () => {};
  readonly controller: Controller;
  #term = new AbortController();
  #running: Promise<void> | undefined;

  /** `observer`: told of what the controller does, beside this. */
  constructor(options: { workers?: number; observer?: ControllerObserver } = {}) {
    const log = createLog({ stage: 'test', level: 'silent' });
    const fence = () => {
      if (!this.leads) throw new Error('this process leads no more');
    };
    this.controller = new Controller({
      source: this.elections,
      ports: this.#portsSource(),
      status: new StatusWriter({
        fence,
        write: (election, status) => {
          this.statusWrites++;
          return this.elections.writeStatus(election, status);
        },
      }),
      finalizer: new Finalizer({
        apply: (election, finalizers) => this.elections.applyFinalizers(election, finalizers),
        clock: this.clock,
      }),
      events: new EventRecorder({
        write: async ({ metadata, involvedObject, reason, message }) => {
          this.events.push([`${metadata.namespace}/${involvedObject.name}`, `${reason}: ${message}`]);
        },
        identity: 'test',
        log,
        clock: this.clock,
      }),
      fence,
      observer: {
        reconciled: (result, seconds, reason) => {
          if (result === 'error') this.errors.push(reason ?? '');
          options.observer?.reconciled(result, seconds, reason);
        },
        watchEnded: (why) => options.observer?.watchEnded(why),
      },
      workers: options.workers ?? 8,
      resyncMs: 30_000,
      closingGraceMs: 100,
      log,
      clock: this.clock,
    });
  }

  start(): void {
    this.#running = this.controller.run(this.#term.signal);
  }

  /** Resolves when the controller's term has ended. */
  async whenEnded(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#term.abort(new Error('stopping'));
    for (let i = 0; i < 20; i++) await this.clock.advance(1_000);
    await this.#running;
  }

  status(key: string): Partial<ElectionStatus> {
    return (this.elections.stored.get(key)?.status ?? {}) as Partial<ElectionStatus>;
  }

  phase(key: string): Phase | undefined {
    return this.status(key).phase;
  }

  message(key: string, type = 'Ready'): string {
    return this.status(key).conditions?.find((condition) => condition.type === type)?.message ?? '';
  }

  told(key: string): string[] {
    return this.events.filter(([of]) => of === key).map(([, text]) => text);
  }

  #portsSource(): PortsSource {
    return {
      open: async (_election, raw) => {
        const key = keyOf(raw);
        const count = (this.open.get(key) ?? 0) + 1;
        if (count > 1) this.overlaps++;
        this.open.set(key, count);
        const failure = this.unavailable.get(key);
        const servers = this.serversOf(key);
        servers.now = this.clock.now();
        const { redis } = servers;
        return {
          ports: failure ? unavailablePorts(failure) : { ...servers.ports(), now: () => this.clock.now() },
          progress: async () =>
            redis.ready
              ? undefined
              : { processed: redis.voters.size, unique: redis.voters.size, duplicates: 0, errors: 0 },
          release: () => this.open.set(key, this.open.get(key)! - 1),
        };
      },
      forget: async (uid) => {
        this.forgotten.push(uid);
      },
      close: () => this.closing(),
    };
  }

  serversOf(key: string): FakeServers {
    let servers = this.servers.get(key);
    if (!servers) {
      servers = new FakeServers(this.clock.now(), { digest: 'ab'.repeat(32), voters: ['a', 'b', 'c'] });
      this.servers.set(key, servers);
    }
    return servers;
  }
}
