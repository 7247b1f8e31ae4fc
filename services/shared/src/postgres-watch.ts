import type pg from 'pg';
import type { ObserveCall } from './server-metrics.ts';

/** What is known of PostgreSQL from the use that is made of it. */
export interface PostgresWatch {
  /** Whether it answered the last statement or connection; false before the first. */
  readonly up: boolean;
}

/**
 * Tells `observe` of every statement that goes over the pool's connections, under its name (`Statement.name`); those
 * without one as `begin`, `commit`, `rollback` or `other`. An answer that refuses a statement is an answer all the same.
 */
export function watchPostgres(pool: pg.Pool, observe: ObserveCall): PostgresWatch {
  const watch = { up: false };
  pool.on('connect', (client) => {
    watch.up = true;
    measureStatements(client, (name, seconds, error) => {
      observe(name, seconds, !error);
      watch.up = !error || isAnswer(error);
    });
  });
  // An idle connection that breaks: the server has gone, or says that it goes.
  pool.on('error', () => {
    watch.up = false;
  });
  watchConnecting(pool, () => {
    watch.up = false;
  });
  return watch;
}

/** A session that was refused or ended (FATAL) is no answer to a statement; nor is what has no SQLSTATE. */
const isAnswer = (error: unknown): boolean => (error as { severity?: unknown }).severity === 'ERROR';

type Told = (name: string, seconds: number, error: unknown) => void;
type Callback = (error: unknown, ...rest: unknown[]) => void;
type AnyFunction = (...args: unknown[]) => unknown;

/** `pg` has no hook for this: the client's own `query` is put behind one that looks at the clock. */
function measureStatements(client: pg.PoolClient, told: Told): void {
  const query = client.query.bind(client) as AnyFunction;
  const measured = (...args: unknown[]): unknown => {
    const name = nameOf(args[0]);
    const start = performance.now();
    const tell = (error: unknown) => told(name, (performance.now() - start) / 1000, error);
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      args[args.length - 1] = ((error, ...rest) => {
        tell(error);
        callback(error, ...rest);
      }) satisfies Callback;
      return query(...args);
    }
    const result = query(...args);
    // A stream (COPY) is no promise, and lasts as long as its reader likes.
    if (result instanceof Promise)
      result.then(
        () => tell(undefined),
        (error: unknown) => tell(error),
      );
    return result;
  };
  client.query = measured as typeof client.query;
}

const ENDS = /^(begin|commit|rollback)\b/i;

function nameOf(query: unknown): string {
  if (typeof query === 'string') return ENDS.exec(query)?.[1]?.toLowerCase() ?? 'other';
  const { name } = (query ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : 'other';
}

/** Both forms of `connect`; `pool.query` comes through here too. */
function watchConnecting(pool: pg.Pool, failed: () => void): void {
  const connect = pool.connect.bind(pool) as AnyFunction;
  const watched = (callback?: Callback): unknown => {
    if (callback)
      return connect(((error, ...rest) => {
        if (error) failed();
        callback(error, ...rest);
      }) satisfies Callback);
    const client = connect() as Promise<pg.PoolClient>;
    client.catch(failed);
    return client;
  };
  pool.connect = watched as typeof pool.connect;
}
