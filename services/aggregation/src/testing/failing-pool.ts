import type pg from 'pg';

/** What happens to a commit: it is done, the process dies before it, or its answer never arrives. */
export type CommitFate = 'done' | 'dies before' | 'answer lost';

/** A pool whose next transaction meets `fate`. */
export function poolWithFate(pool: pg.Pool, fate: CommitFate): pg.Pool {
  const connect = async () => {
    const client = await pool.connect();
    const query = async (statement: string | pg.QueryConfig) => {
      if (statement !== 'commit' || fate === 'done') return client.query(statement);
      if (fate === 'answer lost') await client.query(statement);
      throw new Error('the connection is gone');
    };
    return new Proxy(client, {
      get: (target, name) => {
        if (name === 'query') return query;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  return { connect } as unknown as pg.Pool;
}
