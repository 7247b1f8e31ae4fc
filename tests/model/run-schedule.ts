import type { RedisConnection } from '@scrutin/shared/redis.ts';
import { QUEUES } from '@scrutin/shared/topology.ts';
import type pg from 'pg';
import type { Breakage } from './breakages.ts';
import { LAWS, markOf } from './electorate-of-model.ts';
import { History, type Submission } from './history.ts';
import { STATEMENTS } from './ledger-statements.ts';
import { LedgerTables, SqlError } from './ledger-tables.ts';
import {
  asPool,
  asRedis,
  type Ingestion,
  lookAtElectorate,
  type Running,
  startAggregation,
  startIngestion,
  startValidation,
} from './pipeline.ts';
import { SimBroker } from './sim-broker.ts';
import { SimPostgres } from './sim-postgres.ts';
import { RedisStore, SimRedis } from './sim-redis.ts';
import { reachable } from './simulated-amqplib.ts';
import { Incarnation, type Link, World } from './world.ts';

export interface Schedule {
  validations: number;
  aggregations: number;
  shards: number;
  /** Returns of a message before it is set aside for a person. */
  deliveryLimit: number;
  /** One in so many steps is a fault. */
  faultEvery: number;
  /** The submission whose ballot PostgreSQL refuses, if any. */
  refused: number | undefined;
  submissions: Submission[];
  /** What happens, one number a step; 0 is the oldest thing under way. */
  steps: number[];
}

/** A promise does not hold. */
export class Violation extends Error {
  override name = 'Violation';
}

/** More steps than any run needs to come to rest. */
const MOST_STEPS = 6_000;

interface Process<T extends Running> {
  incarnation: Incarnation;
  running: T | undefined;
}

/** How a run went: steps that were taken, and what is on record of each ballot in the end. */
export interface Outcome {
  taken: number;
  statuses: string[];
}

/** Runs a schedule to its end and checks the promises on the way and afterwards. Throws {@link Violation}. */
export async function runSchedule(schedule: Schedule, breakage: Breakage = {}): Promise<Outcome> {
  const world = new World();
  world.enter();
  try {
    const run = new Run(world, schedule, breakage);
    await run.boot();
    for (const step of schedule.steps) await run.step(step);
    await run.settle();
    return run.outcome();
  } finally {
    world.leave();
    reachable.broker = reachable.world = undefined;
  }
}

/** Redis after a first load, by the number of its shards. */
const loadedStores = new Map<number, RedisStore>();

class Run {
  readonly #world: World;
  readonly #schedule: Schedule;
  readonly #breakage: Breakage;
  readonly #broker: SimBroker;
  readonly #redis: SimRedis;
  readonly #postgres: SimPostgres;
  readonly #history = new History();
  readonly #waiting: Submission[];
  /** Submissions under a key whose client has no 202 yet, or sends them once more all the same. */
  readonly #keyed: { submission: Submission; answered: boolean }[] = [];
  #ingestion!: Process<Ingestion>;
  readonly #validations: Process<Running>[] = [];
  readonly #aggregations: Process<Running>[] = [];
  #operator = new Incarnation('operator');
  /** The operator's connections, made when it first looks. */
  #connections: { redis: RedisConnection; pool: pg.Pool } | undefined;
  #looking = false;
  #sound = false;
  #checkedCommits = 0;
  #violation: string | undefined;

  constructor(world: World, schedule: Schedule, breakage: Breakage) {
    this.#world = world;
    this.#schedule = schedule;
    this.#breakage = breakage;
    this.#broker = new SimBroker(world, schedule.deliveryLimit);
    this.#redis = new SimRedis(world, new RedisStore(breakage.script));
    this.#postgres = new SimPostgres(world, new LedgerTables(LAWS), breakage.statements ?? STATEMENTS);
    this.#waiting = [...schedule.submissions];
    reachable.broker = this.#broker;
    reachable.world = world;
  }

  /** Starts everything on a Redis that has its electorate, and lets that come to rest. */
  async boot(): Promise<void> {
    await this.#loadFirst();
    this.#ingestion = await this.#start('ingestion', () =>
      startIngestion(this.#schedule.shards, this.#breakage),
    );
    for (let i = 0; i < this.#schedule.validations; i++)
      this.#validations.push(await this.#startValidation());
    for (let i = 0; i < this.#schedule.aggregations; i++)
      this.#aggregations.push(await this.#startAggregation());
    await this.#rest();
  }

  /** The first load is the same each time: it is done once for all runs. */
  async #loadFirst(): Promise<void> {
    const { shards } = this.#schedule;
    let loaded = loadedStores.get(shards);
    if (!loaded) {
      await this.#look();
      await this.#rest();
      loaded = this.#redis.store.copy(() => '');
      loadedStores.set(shards, loaded);
    }
    this.#redis.store = loaded.copy(this.#redis.store.editScript);
    this.#sound = true;
  }

  /** One step of the schedule: a fault, a submission, or something that is under way. */
  async step(choice: number): Promise<void> {
    const kind = choice % 64;
    const which = Math.floor(choice / 64);
    if (kind >= 56 && which % this.#schedule.faultEvery === 0)
      await this.#fault(kind - 56, Math.floor(which / this.#schedule.faultEvery));
    else if (kind >= 48) await this.#submitNext();
    else {
      const step = this.#world.choice(which % Math.max(1, this.#world.choices));
      if (step) await this.#world.take(step);
      else await this.#submitNext();
    }
    this.#check();
  }

  /** No more faults: what was begun comes to its end, and then everything must be right. */
  async settle(): Promise<void> {
    while (this.#waiting.length > 0) await this.#submitNext();
    for (let round = 0; ; round++) {
      if (round > 20)
        throw new Violation('it does not come to rest: clients wait, or the electorate is not sound');
      await this.#rest();
      this.#sound = false;
      await this.#look();
      await this.#rest();
      const again = this.#keyed.filter(({ answered }) => !answered);
      for (const client of again) await this.#send(client.submission, client);
      const replayed = this.#broker.replayReview();
      await this.#rest();
      if (replayed === 0 && this.#keyed.every(({ answered }) => answered)) break;
    }
    for (const queue of [QUEUES.validation, QUEUES.aggregation])
      if (this.#broker.depth(queue) > 0)
        throw new Violation(`${this.#broker.depth(queue)} messages stay in ${queue}`);
    const inReview = new Set(
      this.#broker
        .contents(QUEUES.review)
        .flatMap((content) => (JSON.parse(content.toString()) as { votes: { ballot_id: string }[] }).votes)
        .map(({ ballot_id }) => ballot_id),
    );
    for (const wrong of this.#history.finallyWrong(this.#postgres.tables, inReview))
      throw new Violation(wrong);
    for (const id of inReview)
      if (!this.#history.ballots.get(id)?.refused) throw new Violation(`ballot ${id} is in review`);
  }

  outcome(): Outcome {
    const ballots = [...this.#postgres.tables.audit.committed.values()];
    return { taken: this.#world.taken, statuses: ballots.map(({ law_id, status }) => `${law_id} ${status}`) };
  }

  /** Takes what is under way, connections first, then the next timer, until there is nothing left. */
  async #rest(): Promise<void> {
    for (let taken = 0; ; taken++) {
      let step = this.#world.choice(0);
      if (!this.#sound && !this.#looking && (!step || step.timer)) {
        // As the operator does every few seconds; who waits for the electorate tries again for ever.
        await this.#look();
        step = this.#world.choice(0);
      }
      if (!step) return;
      if (taken > MOST_STEPS) throw new Violation('it does not come to rest');
      await this.#world.take(step);
      this.#check();
    }
  }

  #check(): void {
    if (this.#violation) throw new Violation(this.#violation);
    const { tables } = this.#postgres;
    if (tables.commits === this.#checkedCommits) return;
    this.#checkedCommits = tables.commits;
    for (const wrong of this.#history.alwaysWrong(tables)) throw new Violation(wrong);
  }

  async #fault(kind: number, which: number): Promise<void> {
    const told = () => which % 3;
    switch (kind) {
      case 0:
        return this.#replace(this.#validations, which, () => this.#startValidation());
      case 1:
        return this.#replace(this.#aggregations, which, () => this.#startAggregation());
      case 2:
        return this.#restartIngestion(which);
      case 3: {
        const links = this.#world.links.filter((link: Link) => link.serverOpen && link.clientOpen);
        links[which % Math.max(1, links.length)]?.cut(Math.floor(which / 16) % 4, Math.floor(which / 64) % 4);
        return;
      }
      case 4:
        if (which % 2 === 0) this.#broker.restart(told);
        else this.#postgres.restart(told);
        return;
      case 5:
        this.#loseRedis(which);
        return;
      case 6:
        if (which % 3 > 0 || !this.#looking) return this.#look();
        this.#world.kill(this.#operator, told);
        this.#operator = new Incarnation('operator');
        this.#connections = undefined;
        this.#looking = false;
        return;
      default:
        if (which % 2 === 0) {
          const client = this.#keyed[Math.floor(which / 2) % Math.max(1, this.#keyed.length)];
          if (client) await this.#send(client.submission, client);
        } else
          this.#postgres.faults.push(new SqlError('53100', 'could not extend file: No space left on device'));
    }
  }

  #loseRedis(which: number): void {
    const { shards } = this.#schedule;
    const kind = which % 4;
    this.#redis.restart((store) => {
      if (kind === 1) store.forget(1 + (Math.floor(which / 4) % 12));
      if (kind === 2) store.wipe();
      if (kind === 3) store.wipe(Math.floor(which / 4) % shards);
    });
    this.#sound = false;
  }

  async #submitNext(): Promise<void> {
    const submission = this.#waiting.shift();
    if (!submission) return;
    if (submission.key === undefined) return this.#send(submission);
    const client = { submission, answered: false };
    this.#keyed.push(client);
    await this.#send(submission, client);
  }

  async #send(submission: Submission, client?: { answered: boolean }): Promise<void> {
    const { incarnation, running } = this.#ingestion;
    const refused = this.#schedule.submissions.indexOf(submission) === this.#schedule.refused;
    const now = this.#world.now++;
    await this.#world.begin(incarnation, async () => {
      try {
        const ballotId = await running!.take(submission, now, (id) => {
          const known = this.#history.ballots.get(id);
          this.#history.sent(id, submission, refused);
          if (refused && !known) this.#postgres.refusedBallot = id;
        });
        this.#history.accepted(ballotId);
        if (client) client.answered = true;
      } catch {
        // A 503: whether it was recorded is not known. Under a key it is sent again.
      }
    });
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const operator = this.#operator;
    const { shards } = this.#schedule;
    const { run } = this.#redis;
    const before = [...this.#postgres.tables.participation.committed.keys()];
    await this.#world.begin(operator, async () => {
      try {
        this.#connections ??= {
          redis: asRedis(this.#redis, operator),
          pool: asPool(this.#postgres, operator),
        };
        const { redis, pool } = this.#connections;
        const loaded = await lookAtElectorate(redis, pool, shards, this.#breakage);
        if (this.#redis.run === run) {
          this.#sound = true;
          if (loaded) this.#checkMarks(before);
        }
      } catch {
        // It looks again.
      } finally {
        if (this.#operator === operator) this.#looking = false;
      }
    });
  }

  /** P2: who had voted before a load began has their mark when it is done. */
  #checkMarks(parts: readonly string[]): void {
    for (const part of parts) {
      const [law = '', voter = ''] = part.split(' ');
      const [key, field] = markOf(Buffer.from(voter, 'hex'), law, this.#schedule.shards);
      if (this.#redis.store.command('HEXISTS', [key, field]) !== 1)
        this.#violation = `${part} has no mark after a load`;
    }
  }

  async #start<T extends Running>(
    name: string,
    open: (incarnation: Incarnation) => Promise<T>,
  ): Promise<Process<T>> {
    const process: Process<T> = { incarnation: new Incarnation(name), running: undefined };
    await this.#world.begin(process.incarnation, async () => {
      process.running = await open(process.incarnation);
    });
    return process;
  }

  #startValidation = () =>
    this.#start('validation', (self) =>
      startValidation(asRedis(this.#redis, self), this.#schedule.shards, this.#breakage),
    );

  #startAggregation = () =>
    this.#start('aggregation', (self) => startAggregation(asPool(this.#postgres, self), this.#breakage));

  /** SIGKILL, or an orderly stop beside which the next one starts. */
  async #replace(
    processes: Process<Running>[],
    which: number,
    start: () => Promise<Process<Running>>,
  ): Promise<void> {
    const at = which % processes.length;
    const process = processes[at]!;
    if (Math.floor(which / 4) % 4 === 0)
      await this.#world.begin(process.incarnation, () => process.running!.stop());
    else this.#world.kill(process.incarnation, () => Math.floor(which / 16) % 4);
    processes[at] = await start();
  }

  async #restartIngestion(which: number): Promise<void> {
    const { incarnation, running } = this.#ingestion;
    if (which % 4 === 0) await this.#world.begin(incarnation, () => running!.stop());
    else this.#world.kill(incarnation, () => Math.floor(which / 4) % 4);
    this.#ingestion = await this.#start('ingestion', () =>
      startIngestion(this.#schedule.shards, this.#breakage),
    );
  }
}
