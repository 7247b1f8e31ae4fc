import {
  type LedgerTables,
  lock,
  type Row,
  type Running,
  type Transaction,
  unlock,
} from './ledger-tables.ts';

type Rows = Record<string, unknown>[];
/** A statement of aggregation/src/sql, by its name. Resolves with its rows; an update with as many as it changed. */
export type LedgerStatement = (
  tables: LedgerTables,
  transaction: Transaction,
  values: readonly unknown[],
) => Running<Rows>;

const inOrder = <T>(items: readonly T[], key: (item: T) => string): T[] =>
  items.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));

/**
 * `insert … on conflict do nothing`: true if the row is new. It waits for a transaction that is making or
 * changing the row (the new version is in the index), not for one that has locked it.
 */
function* insertOnce<T>(row: Row<T>, transaction: Transaction, value: T): Running<boolean> {
  const changing = row.holder !== undefined && row.pending !== row.committed;
  if (row.holder !== transaction && row.committed !== undefined && !changing) return false;
  const own = row.holder === transaction;
  yield* lock(row, transaction);
  if (row.pending !== undefined) {
    if (!own) unlock(row, transaction);
    return false;
  }
  row.pending = value;
  return true;
}

function* knownLaws(tables: LedgerTables, _: Transaction, [laws]: readonly unknown[]): Running<Rows> {
  const known = tables.results.committed;
  return (laws as string[]).filter((law) => known.has(law)).map((law_id) => ({ law_id }));
}

function* takePart(
  tables: LedgerTables,
  transaction: Transaction,
  values: readonly unknown[],
): Running<Rows> {
  const [laws, voters] = values as [string[], string[]];
  const candidates = laws.map((law, position) => ({ key: `${law} ${voters[position]}`, position }));
  const late: Rows = [];
  for (const { key, position } of inOrder(candidates, (candidate) => candidate.key))
    if (!(yield* insertOnce(tables.participation.row(key), transaction, true as const)))
      late.push({ position });
  return late;
}

function* recordBallots(
  tables: LedgerTables,
  transaction: Transaction,
  values: readonly unknown[],
): Running<Rows> {
  const [ids, laws, statuses, metadata] = values as [string[], string[], string[], (string | null)[]];
  const ballots = ids.map((id, position) => ({ id, position }));
  const seen: Rows = [];
  for (const { id, position } of inOrder(ballots, (ballot) => ballot.id)) {
    const ballot = { law_id: laws[position]!, status: statuses[position]!, metadata: metadata[position]! };
    if (!(yield* insertOnce(tables.audit.row(id), transaction, ballot))) seen.push({ position });
  }
  return seen;
}

function* lockBallots(
  tables: LedgerTables,
  transaction: Transaction,
  [ids]: readonly unknown[],
): Running<Rows> {
  const snapshot = tables.commits;
  const rows: Rows = [];
  for (const ballot_id of inOrder(ids as string[], (id) => id)) {
    const row = tables.audit.row(ballot_id);
    const visible = row.holder === transaction || (row.committed !== undefined && row.madeBy <= snapshot);
    if (!visible) continue;
    yield* lock(row, transaction);
    rows.push({ ballot_id, status: row.pending!.status });
  }
  return rows;
}

function* promoteBallots(
  tables: LedgerTables,
  transaction: Transaction,
  values: readonly unknown[],
): Running<Rows> {
  const [ids, statuses, metadata] = values as [string[], string[], (string | null)[]];
  for (const [i, id] of ids.entries()) {
    const row = tables.audit.row(id);
    yield* lock(row, transaction);
    row.pending = { ...row.pending!, status: statuses[i]!, metadata: metadata[i]! };
  }
  return ids.map(() => ({}));
}

function* withdrawAttempts(
  tables: LedgerTables,
  transaction: Transaction,
  values: readonly unknown[],
): Running<Rows> {
  const [laws, voters, counts] = values as [string[], string[], number[]];
  const snapshot = tables.commits;
  const sums = laws.map((law, i) => ({ key: `${law} ${voters[i]}`, count: counts[i]! }));
  for (const { key, count } of inOrder(sums, (sum) => sum.key)) {
    const row = tables.attempts.row(key);
    if (row.seenBy(transaction) === undefined || row.madeBy > snapshot) continue;
    yield* lock(row, transaction);
    if (row.pending === undefined) continue;
    row.pending =
      row.pending.count > count ? { ...row.pending, count: row.pending.count - count } : undefined;
  }
  return [];
}

function* addAttempts(
  tables: LedgerTables,
  transaction: Transaction,
  values: readonly unknown[],
): Running<Rows> {
  const [laws, voters, counts, firsts, lasts] = values as [string[], string[], number[], string[], string[]];
  const sums = laws.map((law, i) => ({ key: `${law} ${voters[i]}`, i }));
  for (const { key, i } of inOrder(sums, (sum) => sum.key)) {
    const row = tables.attempts.row(key);
    yield* lock(row, transaction);
    const { count, firstAt, lastAt } = row.pending ?? { count: 0, firstAt: firsts[i]!, lastAt: lasts[i]! };
    row.pending = {
      count: count + counts[i]!,
      firstAt: [firstAt, firsts[i]!].sort()[0]!,
      lastAt: [lastAt, lasts[i]!].sort()[1]!,
    };
  }
  return [];
}

function* addTotals(
  tables: LedgerTables,
  transaction: Transaction,
  values: readonly unknown[],
): Running<Rows> {
  const [names, added] = values as [string[], number[]];
  for (const name of inOrder(names, (each) => each)) yield* lock(tables.totals.row(name), transaction);
  names.forEach((name, i) => {
    const row = tables.totals.row(name);
    row.pending = row.pending! + added[i]!;
  });
  return names.map(() => ({}));
}

function* addToTally(
  tables: LedgerTables,
  transaction: Transaction,
  values: readonly unknown[],
): Running<Rows> {
  const [laws, oui, non] = values as [string[], number[], number[]];
  for (const law of inOrder(laws, (each) => each)) yield* lock(tables.results.row(law), transaction);
  laws.forEach((law, i) => {
    const row = tables.results.row(law);
    row.pending = { oui: row.pending!.oui + oui[i]!, non: row.pending!.non + non[i]! };
  });
  return laws.map(() => ({}));
}

/** Read by the reconciler for the marks. */
function* laws(tables: LedgerTables): Running<Rows> {
  return [...tables.results.committed.keys()].sort().map((law_id) => ({ law_id }));
}

function* participantsAfter(tables: LedgerTables, _: Transaction, values: readonly unknown[]): Running<Rows> {
  const [law, after, most] = values as [string, Buffer, number];
  const hex = after.toString('hex');
  return [...tables.participation.committed.keys()]
    .filter((key) => key.startsWith(`${law} `))
    .map((key) => key.slice(law.length + 1))
    .filter((voter) => voter > hex)
    .sort()
    .slice(0, most)
    .map((voter) => ({ voter: Buffer.from(voter, 'hex') }));
}

export const STATEMENTS: Readonly<Record<string, LedgerStatement>> = {
  'known-laws': knownLaws,
  'take-part': takePart,
  'record-ballots': recordBallots,
  'lock-ballots': lockBallots,
  'promote-ballots': promoteBallots,
  'withdraw-attempts': withdrawAttempts,
  'add-attempts': addAttempts,
  'add-totals': addTotals,
  'add-to-tally': addToTally,
  laws,
  'participants-after': participantsAfter,
};
