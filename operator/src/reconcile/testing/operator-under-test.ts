import type { Condition, ConditionType, Election, ElectionStatus } from '../../election-resource.ts';
import { type Reconciled, type ReconcileOptions, reconcile } from '../reconcile.ts';
import { CLOSES_AT, OPENS_AT, testElection } from './election.ts';
import { FakeServers } from './fake-servers.ts';

export const SOURCE = { digest: 'a1'.repeat(32), voters: ['ana', 'bob', 'cyd'] } as const;
export const OTHER_SOURCE = { digest: 'b2'.repeat(32), voters: ['ana', 'eve'] } as const;
export const HOUR = 3_600_000;

/** Reconciles an Election on fake servers again and again, as an operator does: it remembers the last status. */
export class OperatorUnderTest {
  readonly servers = new FakeServers(OPENS_AT - HOUR, SOURCE);
  election: Election = testElection();
  status: ElectionStatus | undefined;
  /** Of all reconciliations, as `reason`. */
  readonly events: string[] = [];
  last: Reconciled | undefined;

  async reconcile(options: ReconcileOptions = {}): Promise<Reconciled> {
    const outcome = await reconcile(this.election, this.servers.ports(), this.status, options);
    this.status = outcome.status;
    this.last = outcome;
    this.events.push(...outcome.events.map(({ reason }) => reason));
    return outcome;
  }

  /** An operator whose election is open and prepared. */
  static async open(): Promise<OperatorUnderTest> {
    const operator = new OperatorUnderTest();
    await operator.reconcile({ verifySource: true });
    operator.servers.now = OPENS_AT + HOUR;
    await operator.reconcile();
    return operator.forget();
  }

  /** One whose election has been closed for an hour; nothing was counted yet. */
  static async afterClosing(): Promise<OperatorUnderTest> {
    const operator = await OperatorUnderTest.open();
    operator.servers.now = CLOSES_AT + HOUR;
    return operator;
  }

  /** Forgets the events, calls and writes so far. */
  forget(): this {
    this.events.length = 0;
    this.servers.writes = [];
    this.servers.calls = [];
    return this;
  }

  condition(type: ConditionType): Condition | undefined {
    return this.status?.conditions.find((condition) => condition.type === type);
  }
}
