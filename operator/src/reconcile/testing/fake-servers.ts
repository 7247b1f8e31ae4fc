import type { PublishedElection } from '@scrutin/shared/election.ts';
import { QUEUES, type QueueName } from '@scrutin/shared/topology.ts';
import type { ElectorateLayout } from '@scrutin/shared/voter-slot.ts';
import type { BrokerPort, ElectoratePort, LedgerPort, Ports } from '../ports.ts';

/** A vote on its way or counted. */
export interface FakeVote {
  voter: string;
  law: string;
  choice: 'oui' | 'non';
}

/** The hash files. */
export interface FakeSource {
  digest: string;
  voters: readonly string[];
  duplicates?: number;
  errors?: readonly string[];
}

/** What Redis holds; a lost Redis holds {@link emptyRedis}. */
interface FakeRedis {
  ready: boolean;
  source: string | undefined;
  pepper: string | undefined;
  layout: ElectorateLayout | undefined;
  voters: Set<string>;
  marks: Set<string>;
  document: PublishedElection | undefined;
  /** Which ledger the marks agree with. */
  ledger: string | undefined;
}

export const emptyRedis = (): FakeRedis => ({
  ready: false,
  source: undefined,
  pepper: undefined,
  layout: undefined,
  voters: new Set(),
  marks: new Set(),
  document: undefined,
  ledger: undefined,
});

const markOf = (law: string, voter: string) => `${law}/${voter}`;

/**
 * Redis, RabbitMQ and PostgreSQL as the reconciler sees them, in memory, with a clock that a test moves. A port
 * call can be made to fail before it has done its work, or after (the answer was lost).
 */
export class FakeServers {
  now: number;
  pepper = 'pepper';
  source: FakeSource | Error;
  redis = emptyRedis();
  broker = {
    made: new Set<string>(),
    queues: { [QUEUES.validation]: [], [QUEUES.aggregation]: [], [QUEUES.review]: [] } as Record<
      QueueName,
      FakeVote[]
    >,
  };
  ledger = {
    identity: 'ledger-1',
    migrated: false,
    /** Every law that was ever published: the tally never takes one out. */
    laws: new Set<string>(),
    document: undefined as PublishedElection | undefined,
    phase: '',
    closed: undefined as { at: Date; digest: string } | undefined,
    participation: new Set<string>(),
    votes: [] as FakeVote[],
    problems: [] as string[],
  };
  /** Names of the calls that have changed something, in order. */
  writes: string[] = [];
  /** Names of all calls, in order. */
  calls: string[] = [];
  /** Called before each call's work; throws to make it fail. */
  beforeCall: (call: string) => void = () => {};
  /** Called after each call's work; throws to lose its answer. */
  afterCall: (call: string) => void = () => {};
  /** Called between two batches of a load. */
  onLoading: () => void = () => {};

  constructor(now: number, source: FakeSource) {
    this.now = now;
    this.source = source;
  }

  /** Makes a call fail until {@link heal}. */
  fail(call: string, error: Error = new Error(`${call} failed`)): void {
    this.beforeCall = (name) => {
      if (name === call) throw error;
    };
  }

  heal(): void {
    this.beforeCall = () => {};
    this.afterCall = () => {};
  }

  /** What a voter's ballot leads to, once ingestion has accepted it. */
  accept(vote: FakeVote): void {
    this.broker.queues[QUEUES.validation].push(vote);
  }

  /** Validation decides the oldest vote, if the electorate is ready: what it can't decide it holds. */
  validate(): void {
    const [vote] = this.broker.queues[QUEUES.validation];
    if (!vote || !this.redis.ready) return;
    this.broker.queues[QUEUES.validation].shift();
    if (this.redis.marks.has(markOf(vote.law, vote.voter))) return;
    this.redis.marks.add(markOf(vote.law, vote.voter));
    this.broker.queues[QUEUES.aggregation].push(vote);
  }

  /** Aggregation counts the oldest vote, once a person. */
  aggregate(): void {
    const vote = this.broker.queues[QUEUES.aggregation].shift();
    if (!vote || this.ledger.participation.has(markOf(vote.law, vote.voter))) return;
    this.ledger.participation.add(markOf(vote.law, vote.voter));
    this.ledger.votes.push(vote);
  }

  ports(): Ports {
    return {
      broker: this.#broker(),
      electorate: this.#electorate(),
      ledger: this.#ledger(),
      now: () => this.now,
    };
  }

  async #call<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.calls.push(name);
    await Promise.resolve();
    this.beforeCall(name);
    const result = await work();
    this.afterCall(name);
    return result;
  }

  #wrote(name: string): void {
    this.writes.push(name);
  }

  #broker(): BrokerPort {
    const { broker } = this;
    const count = (queue: QueueName) => broker.queues[queue].length;
    return {
      ping: () => this.#call('broker.ping', () => {}),
      ensureTopology: (_electionId, beforeQueues) =>
        this.#call('broker.ensureTopology', async () => {
          const missing = ['exchange votes', ...Object.values(QUEUES)].filter(
            (name) => !broker.made.has(name),
          );
          if (missing.some((name) => name in broker.queues)) await beforeQueues();
          for (const name of missing)
            await this.#call(`broker.make ${name}`, () => {
              broker.made.add(name);
            });
          if (missing.length > 0) this.#wrote('broker.ensureTopology');
          return missing;
        }),
      isDrained: () =>
        this.#call('broker.isDrained', () => Object.values(QUEUES).every((queue) => count(queue) === 0)),
      depths: () =>
        this.#call('broker.depths', () => {
          const depth = (queue: QueueName) => ({ ready: count(queue), unacknowledged: 0, consumers: 1 });
          return {
            [QUEUES.validation]: depth(QUEUES.validation),
            [QUEUES.aggregation]: depth(QUEUES.aggregation),
            [QUEUES.review]: depth(QUEUES.review),
          };
        }),
      remove: () =>
        this.#call('broker.remove', () => {
          this.#wrote('broker.remove');
          broker.made.clear();
        }),
    };
  }

  #electorate(): ElectoratePort {
    const readSource = () => {
      if (this.source instanceof Error) throw this.source;
      return this.source;
    };
    return {
      ping: () => this.#call('electorate.ping', () => {}),
      sound: () =>
        this.#call('electorate.sound', () => {
          const { ready, layout, source, voters, pepper } = this.redis;
          if (!ready || !layout) return undefined;
          return {
            layout,
            processed: voters.size,
            unique: voters.size,
            duplicates: 0,
            errors: 0,
            ownPepper: pepper === this.pepper,
            ...(source !== undefined && { source }),
          };
        }),
      sourceDigest: () => this.#call('electorate.sourceDigest', () => readSource().digest),
      endOtherLoads: () => this.#call('electorate.endOtherLoads', () => {}),
      load: (election, { marks, signal, onProgress }) =>
        this.#call('electorate.load', async () => {
          const { digest, voters, duplicates = 0, errors = [] } = readSource();
          this.#wrote('electorate.load');
          const { document, ledger } = this.redis;
          const resumed =
            this.redis.source === digest && this.redis.pepper === this.pepper && !this.redis.ready;
          if (!resumed) this.redis = { ...emptyRedis(), document, ledger };
          const layout = { shards: election.spec.electorate.shards, bucketBits: 0 };
          Object.assign(this.redis, { source: digest, pepper: this.pepper, layout, ready: false });
          for (const voter of voters) {
            signal?.throwIfAborted();
            this.redis.voters.add(voter);
            this.onLoading();
            onProgress?.({ processed: this.redis.voters.size, errors: errors.length });
          }
          for await (const { lawId, voters: marked } of marks())
            for (const voter of marked) this.redis.marks.add(markOf(lawId, voter.toString()));
          this.redis.ready = voters.length > 0;
          return {
            layout,
            source: digest,
            processed: voters.length + duplicates,
            unique: voters.length,
            duplicates,
            errors: errors.length,
            samples: errors,
          };
        }),
      followLedger: (identity, participants) =>
        this.#call('electorate.followLedger', async () => {
          const { ledger: known, marks } = this.redis;
          if (known === identity) return undefined;
          this.#wrote('electorate.followLedger');
          const before = marks.size;
          if (known !== undefined) {
            marks.clear();
            for await (const { lawId, voters } of participants())
              for (const voter of voters) marks.add(markOf(lawId, voter.toString()));
          }
          this.redis.ledger = identity;
          return known === undefined ? undefined : { before, after: marks.size };
        }),
      doubtMarks: () =>
        this.#call('electorate.doubtMarks', () => {
          this.redis.ledger = 'doubted';
        }),
      publish: (document) =>
        this.#call('electorate.publish', () => {
          this.#wrote('electorate.publish');
          this.redis.document = document;
        }),
      published: () => this.#call('electorate.published', () => this.redis.document),
      remove: () =>
        this.#call('electorate.remove', () => {
          this.#wrote('electorate.remove');
          this.redis = emptyRedis();
        }),
    };
  }

  #ledger(): LedgerPort {
    const { ledger } = this;
    return {
      ping: () => this.#call('ledger.ping', () => {}),
      migrate: () =>
        this.#call('ledger.migrate', () => {
          if (ledger.migrated) return [];
          ledger.migrated = true;
          this.#wrote('ledger.migrate');
          return ['0001_roles'];
        }),
      published: () =>
        this.#call(
          'ledger.published',
          () => ledger.document && { election: ledger.document, phase: ledger.phase },
        ),
      identity: () => this.#call('ledger.identity', () => ledger.identity),
      publishElection: (document, phase) =>
        this.#call('ledger.publishElection', () => {
          if (JSON.stringify([ledger.document, ledger.phase]) === JSON.stringify([document, phase])) return;
          this.#wrote('ledger.publishElection');
          for (const { id } of document.laws) ledger.laws.add(id);
          ledger.document = document;
          ledger.phase = phase;
        }),
      counts: () =>
        this.#call('ledger.counts', () =>
          [...ledger.laws].map((id) => {
            const of = (choice: string) =>
              ledger.votes.filter((vote) => vote.law === id && vote.choice === choice).length;
            return { lawId: id, oui: of('oui'), non: of('non'), total: of('oui') + of('non') };
          }),
        ),
      participants: async function* () {
        for (const entry of ledger.participation) {
          const [lawId, voter] = entry.split('/') as [string, string];
          yield { lawId, voters: [Buffer.from(voter)] };
        }
      },
      invariants: () =>
        this.#call('ledger.invariants', () => ({
          ok: ledger.problems.length === 0,
          problems: ledger.problems,
        })),
      close: (digest, at) =>
        this.#call('ledger.close', () => {
          if (ledger.closed && ledger.closed.digest !== digest)
            throw new Error('another digest was declared final');
          if (ledger.closed) return;
          this.#wrote('ledger.close');
          ledger.closed = { digest, at };
        }),
      closed: () => this.#call('ledger.closed', () => ledger.closed),
      remove: () => this.#call('ledger.remove', () => this.#wrote('ledger.remove')),
    };
  }
}
