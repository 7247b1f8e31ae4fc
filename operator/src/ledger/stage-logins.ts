import pg from 'pg';

/** Whom a stage connects to PostgreSQL as: a login with the rights of one of the ledger's roles and no other. */
export interface StageLogin {
  name: string;
  password: string;
  role: 'scrutin_writer' | 'scrutin_reader';
}

/** What PostgreSQL answers when another process was quicker (appendix A of its manual). */
const MADE_MEANWHILE = ['42710', '23505'];

const ABSENT = `
  select wanted.name, found.rolname is not null as exists
  from unnest($1::text[], $2::text[]) as wanted (name, role)
  left join pg_roles found on found.rolname = wanted.name
  where found.rolname is null or not pg_has_role(found.oid, wanted.role, 'member')`;

/** A role belongs to the whole server: its comment tells whose it is, so that it goes with its election and nobody else's goes. */
const commentOf = (electionId: string): string => `Scrutin: election ${electionId}`;

/**
 * Makes the logins that are not there, each a member of its role. One that is there keeps its password. Safe to repeat and to
 * run many times at once (P7). The ledger's roles must be there. Resolves with the names of those that were made.
 */
export async function ensureStageLogins(
  client: Pick<pg.ClientBase, 'query'>,
  electionId: string,
  logins: readonly StageLogin[],
): Promise<string[]> {
  if (logins.length === 0) return [];
  const values = [logins.map(({ name }) => name), logins.map(({ role }) => role)];
  const { rows } = await client.query<{ name: string; exists: boolean }>(ABSENT, values);
  for (const { name, exists } of rows) {
    const { password, role } = logins.find((login) => login.name === name)!;
    const quoted = pg.escapeIdentifier(name);
    try {
      if (!exists) {
        await client.query(`create role ${quoted} login password ${pg.escapeLiteral(password)}`);
        await client.query(`comment on role ${quoted} is ${pg.escapeLiteral(commentOf(electionId))}`);
      }
      await client.query(`grant ${pg.escapeIdentifier(role)} to ${quoted}`);
    } catch (error) {
      if (!MADE_MEANWHILE.includes((error as { code?: string }).code ?? '')) throw error;
    }
  }
  return rows.map(({ name }) => name);
}

/** Removes the logins that were made for this election. Absent is success (P7). To be done after its database is gone. */
export async function dropStageLogins(
  client: Pick<pg.ClientBase, 'query'>,
  electionId: string,
  logins: readonly StageLogin[],
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select rolname as name from pg_roles
     where rolname = any($1::text[]) and shobj_description(oid, 'pg_authid') = $2`,
    [logins.map(({ name }) => name), commentOf(electionId)],
  );
  for (const { name } of rows) await client.query(`drop role if exists ${pg.escapeIdentifier(name)}`);
}
