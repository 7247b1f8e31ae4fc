/** Thrown to a statement by the simulated server, as pg's DatabaseError says it. */
export class SqlError extends Error {
  override name = 'error';
  readonly code: string;
  readonly severity = 'ERROR';
  readonly table: string | undefined;

  constructor(code: string, message: string, table?: string) {
    super(message);
    this.code = code;
    this.table = table;
  }
}

/** A row that is there, may be there, or is being made. Rows of one transaction are changed under its lock. */
export class Row<T> {
  readonly key: string;
  committed: T | undefined;
  /** Number of the commit that has made it. */
  madeBy = 0;
  holder: Transaction | undefined;
  pending: T | undefined;

  constructor(key: string, committed?: T) {
    this.key = key;
    this.committed = committed;
  }

  /** As `transaction` sees the newest version. */
  seenBy(transaction: Transaction): T | undefined {
    return this.holder === transaction ? this.pending : this.committed;
  }
}

export class Transaction {
  readonly held = new Set<Row<unknown>>();
  /** The row whose holder it waits for. */
  waitsFor: Row<unknown> | undefined;
}

export interface Ballot {
  law_id: string;
  status: string;
  metadata: string | null;
}

export interface AttemptRow {
  count: number;
  firstAt: string;
  lastAt: string;
}

class Table<T> {
  readonly #rows = new Map<string, Row<T>>();
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  row(key: string): Row<T> {
    let row = this.#rows.get(key);
    if (!row) {
      row = new Row<T>(`${this.#name} ${key}`);
      this.#rows.set(key, row);
    }
    return row;
  }

  /** Committed rows, by key. */
  get committed(): Map<string, T> {
    const rows = [...this.#rows].flatMap(([key, { committed }]) =>
      committed === undefined ? [] : [[key, committed] as const],
    );
    return new Map(rows);
  }
}

/** The tables that the tally writes, with READ COMMITTED transactions and row locks. */
export class LedgerTables {
  readonly participation = new Table<true>('participation');
  readonly audit = new Table<Ballot>('vote_audit');
  readonly attempts = new Table<AttemptRow>('duplicate_attempts');
  readonly totals = new Table<number>('system_stats');
  readonly results = new Table<{ oui: number; non: number }>('vote_results');
  /** Commits so far. */
  commits = 0;

  constructor(laws: readonly string[]) {
    for (const law of laws) this.results.row(law).committed = { oui: 0, non: 0 };
    for (const name of ['ballots_recorded', 'batches_recorded', 'votes_counted', 'votes_duplicate'])
      this.totals.row(name).committed = 0;
    for (const name of ['votes_invalid', 'votes_redelivered']) this.totals.row(name).committed = 0;
  }

  commit(transaction: Transaction): void {
    this.commits++;
    for (const row of transaction.held) {
      if (row.committed === undefined) row.madeBy = this.commits;
      row.committed = row.pending;
    }
    this.release(transaction);
  }

  /** Ends a transaction without its changes, or after they were made. */
  release(transaction: Transaction): void {
    for (const row of transaction.held) {
      row.holder = undefined;
      row.pending = undefined;
    }
    transaction.held.clear();
    transaction.waitsFor = undefined;
  }
}

/** What runs a statement: it yields where it waits for a row's lock. */
export type Running<T> = Generator<'waits', T>;

/** Takes a row's lock. Throws a deadlock (40P01) if its holder waits, in the end, for this transaction. */
export function* lock(row: Row<unknown>, transaction: Transaction): Running<void> {
  while (row.holder && row.holder !== transaction) {
    transaction.waitsFor = row;
    for (let other: Transaction | undefined = row.holder; other; other = other.waitsFor?.holder)
      if (other === transaction) throw new SqlError('40P01', 'deadlock detected');
    yield 'waits';
  }
  transaction.waitsFor = undefined;
  if (row.holder === transaction) return;
  row.holder = transaction;
  row.pending = row.committed;
  transaction.held.add(row);
}

/** Gives back a lock under which nothing was changed. */
export function unlock(row: Row<unknown>, transaction: Transaction): void {
  row.holder = undefined;
  row.pending = undefined;
  transaction.held.delete(row);
}
