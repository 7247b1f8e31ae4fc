import { STATEMENTS } from './ledger-statements.ts';
import { type LedgerTables, type Running, SqlError, Transaction } from './ledger-tables.ts';
import type { Incarnation, Link, World } from './world.ts';

type Query = string | { name?: string; text: string; values?: readonly unknown[] };
interface Result {
  rows: Record<string, unknown>[];
  rowCount: number;
}

/** PostgreSQL as far as the tally relies on it: transactions that wait for each other, and connections that break. */
export class SimPostgres {
  readonly tables: LedgerTables;
  readonly #world: World;
  readonly #links = new Set<Link>();
  readonly #statements: typeof STATEMENTS;
  /** Errors that the next statements meet. */
  readonly faults: SqlError[] = [];
  /** A ballot that the server refuses for what it carries. */
  refusedBallot: string | undefined;

  constructor(world: World, tables: LedgerTables, statements = STATEMENTS) {
    this.#world = world;
    this.tables = tables;
    this.#statements = statements;
  }

  /** In place of a pool of pg. */
  pool(client: Incarnation): SimPool {
    return new SimPool(() => this.#connect(client));
  }

  /** SIGKILL and start again: what was committed is there, what was not is not. */
  restart(told: () => number): void {
    for (const link of this.#links) link.serverGone(told());
  }

  /** Starts a statement in a transaction. Throws what the server refuses. */
  run(query: Query, transaction: Transaction): Running<Record<string, unknown>[]> {
    const { name = '', values = [] } = typeof query === 'string' ? {} : query;
    const fault = this.faults.pop();
    if (fault) throw fault;
    const statement = this.#statements[name];
    if (!statement) throw new Error(`the simulated PostgreSQL has no ${JSON.stringify(query)}`);
    if (name === 'record-ballots' && (values[0] as string[]).includes(this.refusedBallot ?? ''))
      throw new SqlError('22P05', 'the vote can’t be stored', 'vote_audit');
    return statement(this.tables, transaction, values);
  }

  /** A transaction has ended: who waits looks again. */
  ended(): void {
    for (const link of this.#links) link.stalled = false;
  }

  #connect(client: Incarnation): SimClient {
    const link = this.#world.link(client);
    this.#links.add(link);
    return new SimClient(this, link, () => this.#links.delete(link));
  }
}

class SimPool {
  readonly #open: () => SimClient;
  readonly #idle: SimClient[] = [];

  constructor(open: () => SimClient) {
    this.#open = open;
  }

  async connect(): Promise<SimClient> {
    const client = this.#idle.pop() ?? this.#open();
    client.release = (broken?: Error) => {
      if (broken) client.end();
      else this.#idle.push(client);
    };
    return client;
  }

  async query(query: Query): Promise<Result> {
    const client = await this.connect();
    let broken: Error | undefined;
    try {
      return await client.query(query);
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

class SimClient {
  readonly #server: SimPostgres;
  readonly #link: Link;
  #transaction: Transaction | undefined;
  readonly #unanswered = new Set<(error: Error) => void>();
  release: (broken?: Error) => void = () => {};

  constructor(server: SimPostgres, link: Link, onServerClosed: () => void) {
    this.#server = server;
    this.#link = link;
    link.onServerClosed = () => {
      onServerClosed();
      this.#rollBack();
    };
    link.onClientClosed = () => {
      for (const reject of this.#unanswered) reject(new Error('Connection terminated unexpectedly'));
      this.#unanswered.clear();
    };
  }

  on(): void {}
  off(): void {}

  end(): void {
    this.#link.clientGone();
  }

  query(query: Query): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (!this.#link.clientOpen) return reject(new Error('Client has encountered a connection error'));
      this.#unanswered.add(reject);
      const answer = (settle: () => void) => {
        // A process that is gone hears nothing any more.
        if (this.#link.clientOpen && this.#unanswered.delete(reject)) settle();
      };
      let running: Running<Record<string, unknown>[]> | undefined;
      this.#link.send(() => {
        try {
          if (query === 'commit' || query === 'rollback') {
            if (query === 'commit') this.#commit();
            else this.#rollBack();
            // The answer is a step of its own: it may be lost.
            this.#link.reply(() => answer(() => resolve({ rows: [], rowCount: 0 })));
            return;
          }
          if (typeof query === 'string') this.#transaction = new Transaction();
          else {
            running ??= this.#server.run(query, this.#transaction ?? new Transaction());
            const { done, value } = running.next();
            if (!done) return value;
            return answer(() => resolve({ rows: value, rowCount: value.length }));
          }
          return answer(() => resolve({ rows: [], rowCount: 0 }));
        } catch (error) {
          this.#rollBack();
          return answer(() => reject(error as Error));
        }
      });
    });
  }

  #commit(): void {
    const fault = this.#server.faults.pop();
    if (fault) throw fault;
    if (this.#transaction) this.#server.tables.commit(this.#transaction);
    this.#transaction = undefined;
    this.#server.ended();
  }

  #rollBack(): void {
    if (this.#transaction) this.#server.tables.release(this.#transaction);
    this.#transaction = undefined;
    this.#server.ended();
  }
}
