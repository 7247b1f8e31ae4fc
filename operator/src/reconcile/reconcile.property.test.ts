import { describe, expect, it } from '@jest/globals';
import { resultDigest, resultDocument } from '@scrutin/shared/result-document.ts';
import fc from 'fast-check';
import { CLOSES_AT, OPENS_AT } from './testing/election.ts';
import { emptyRedis, type FakeServers, type FakeVote } from './testing/fake-servers.ts';
import { HOUR, OperatorUnderTest, SOURCE } from './testing/operator-under-test.ts';

/** What the world does between and during the operator's looks. */
type Happening =
  | { kind: 'reconcile'; verifySource: boolean }
  /** The operator's process dies at its n-th call, before or after the call's work; its status is kept or lost. */
  | { kind: 'crash'; at: number; answerLost: boolean; statusLost: boolean }
  /** A server fails the n-th call, and the operator goes on living. */
  | { kind: 'fault'; at: number; answerLost: boolean }
  | { kind: 'redis lost' }
  | { kind: 'electorate evicted' }
  | { kind: 'topology lost' }
  /** The broker comes back with nothing. */
  | { kind: 'votes lost' }
  | { kind: 'clock'; hours: number }
  | { kind: 'vote'; voter: number; law: 1 | 2; choice: 'oui' | 'non' }
  | { kind: 'validate' }
  | { kind: 'aggregate' }
  | { kind: 'set aside' }
  | { kind: 'replay' };

const at = fc.nat({ max: 24 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('reconcile'), verifySource: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('crash'),
      at,
      answerLost: fc.boolean(),
      statusLost: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fault'), at, answerLost: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      { kind: 'redis lost' },
      { kind: 'electorate evicted' },
      { kind: 'topology lost' },
      { kind: 'votes lost' },
      { kind: 'set aside' },
      { kind: 'replay' },
    ),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('clock'), hours: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('vote'),
      voter: fc.nat({ max: 3 }),
      law: fc.constantFrom(1, 2),
      choice: fc.constantFrom('oui', 'non'),
    }),
  },
  { weight: 6, arbitrary: fc.constantFrom({ kind: 'validate' }, { kind: 'aggregate' }) },
) as fc.Arbitrary<Happening>;

class World {
  readonly operator = new OperatorUnderTest();
  /** Of each person and law, all that was accepted: the first counts, or any if Redis forgot the order. */
  accepted: FakeVote[] = [];

  get servers(): FakeServers {
    return this.operator.servers;
  }

  async happen(event: Happening): Promise<void> {
    const { servers, operator } = this;
    const { queues } = servers.broker;
    switch (event.kind) {
      case 'reconcile':
        return this.look(event.verifySource);
      case 'crash':
      case 'fault': {
        const before = operator.status;
        let call = 0;
        const strike = () => {
          // A process that has died does nothing after it either.
          if (event.kind === 'crash' ? call++ >= event.at : call++ === event.at) throw new Error('gone');
        };
        if (event.answerLost) servers.afterCall = strike;
        else servers.beforeCall = strike;
        await this.look(false);
        servers.heal();
        if (event.kind === 'crash') operator.status = event.statusLost ? undefined : before;
        return;
      }
      case 'redis lost':
        servers.redis = emptyRedis();
        return;
      case 'electorate evicted':
        servers.redis.ready = false;
        servers.redis.voters.clear();
        servers.redis.source = undefined;
        return;
      case 'topology lost':
        servers.broker.made.clear();
        return;
      case 'votes lost': {
        servers.broker.made.clear();
        const lost = Object.values(queues).flatMap((queue) => queue.splice(0));
        this.accepted = this.accepted.filter((vote) => !lost.includes(vote));
        return;
      }
      case 'clock':
        servers.now += event.hours * HOUR;
        return;
      case 'vote':
        return this.vote({
          voter: SOURCE.voters[event.voter] ?? 'ana',
          law: `loi-${event.law}`,
          choice: event.choice,
        });
      case 'validate':
        return servers.validate();
      case 'aggregate':
        return servers.aggregate();
      case 'set aside': {
        const vote = queues.validation_queue.shift();
        if (vote) queues.review_queue.push(vote);
        return;
      }
      case 'replay': {
        const vote = queues.review_queue.shift();
        if (vote) queues.validation_queue.push(vote);
        return;
      }
    }
  }

  /** Ingestion accepts a vote if the document it follows says so, and the broker confirms it. */
  vote(vote: FakeVote): void {
    const { redis, broker, now } = this.servers;
    const { document } = redis;
    const open = document && !document.suspended && now >= Date.parse(document.opensAt);
    if (!open || now >= Date.parse(document.closesAt) || !broker.made.has('validation_queue')) return;
    this.accepted.push(vote);
    this.servers.accept(vote);
  }

  async look(verifySource: boolean): Promise<void> {
    await this.operator.reconcile({ verifySource });
    this.check();
  }

  /** What holds after every look. */
  check(): void {
    const { broker, ledger, now, redis } = this.servers;
    const waiting = Object.values(broker.queues).flat().length;
    if (ledger.closed) {
      expect(waiting).toBe(0);
      expect(now).toBeGreaterThanOrEqual(CLOSES_AT);
    }
    if (redis.ready) expect(redis.voters.size).toBe(SOURCE.voters.length);
    if (this.operator.status?.phase === 'Closed') expect(ledger.closed).toBeDefined();
    // Nobody is kept out whose vote was lost.
    if (waiting === 0 && this.operator.status?.phase === 'Open' && !this.operator.last?.failure)
      for (const mark of redis.marks) expect(ledger.participation).toContain(mark);
    const times = this.operator.status?.conditions.map(({ lastTransitionTime }) =>
      Date.parse(lastTransitionTime),
    );
    for (const time of times ?? []) expect(time).toBeLessThanOrEqual(now);
  }

  /** Nothing goes wrong any more: people look after review, the stages work, the operator looks. */
  async settle(): Promise<void> {
    this.servers.heal();
    this.servers.now = Math.max(this.servers.now, CLOSES_AT + HOUR);
    for (let round = 0; round < 4; round++) {
      await this.look(round === 0);
      for (let i = this.accepted.length; i >= 0; i--) {
        await this.happen({ kind: 'replay' });
        this.servers.validate();
        this.servers.aggregate();
      }
      while (this.servers.broker.queues.aggregation_queue.length > 0) this.servers.aggregate();
    }
    await this.look(false);
  }
}

const persons = (votes: readonly FakeVote[]) =>
  [...new Set(votes.map(({ voter, law }) => `${law}/${voter}`))].sort();

describe('any interleaving of looks, crashes, losses, votes and time', () => {
  it('ends closed, with every accepted vote counted once and the same result whenever one looks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 60 }), fc.boolean(), async (events, openFirst) => {
        const world = new World();
        if (openFirst) {
          await world.look(true);
          world.servers.now = OPENS_AT;
        }
        for (const event of events) await world.happen(event);
        await world.settle();

        const { operator, servers, accepted } = world;
        const { ledger } = servers;
        expect(operator.last?.failure).toBeUndefined();
        expect(operator.status?.phase).toBe('Closed');
        expect(operator.status?.conditions.filter(({ status }) => status !== 'True')).toEqual([]);
        // No vote lost, none counted twice.
        expect(persons(ledger.votes)).toEqual(persons(accepted));
        expect(ledger.votes).toHaveLength(persons(accepted).length);
        const results = operator.status?.results ?? [];
        expect(results.reduce((sum, { total }) => sum + total, 0)).toBe(ledger.votes.length);
        const digest = resultDigest(resultDocument(ledger.document!, SOURCE.voters.length, results, true));
        expect(ledger).toMatchObject({ phase: 'Closed', closed: { digest } });
        expect(operator.status?.digest).toBe(digest);

        const { status } = operator;
        operator.forget();
        servers.now += HOUR;
        await operator.reconcile({ verifySource: true });
        expect(operator.status).toEqual(status);
        operator.status = undefined;
        await operator.reconcile({ verifySource: true });
        expect(operator.status).toMatchObject({ phase: 'Closed', digest, results });
        expect(servers.writes).toEqual([]);
      }),
      { numRuns: 400 },
    );
  }, 60_000);
});
