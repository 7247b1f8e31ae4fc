import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { dropLedger, migrateLedger } from './migrate.ts';
import { dropStageLogins, ensureStageLogins, type StageLogin } from './stage-logins.ts';
import { silentLog, unusedDatabaseUrl } from './testing/fresh-ledger.ts';

let url: string;
let electionId: string;
let logins: [writer: StageLogin, reader: StageLogin];

beforeEach(async () => {
  url = unusedDatabaseUrl();
  electionId = `t-${randomBytes(6).toString('hex')}`;
  const login = (name: string, role: StageLogin['role']): StageLogin => ({
    name: `${electionId} ${name}`,
    password: `it’s ${randomBytes(6).toString('hex')}`,
    role,
  });
  logins = [login('aggregation', 'scrutin_writer'), login('results', 'scrutin_reader')];
  await migrateLedger(url, silentLog);
});
afterEach(() =>
  dropLedger(url, async (client) => {
    for (const { name } of logins) await client.query(`drop role if exists ${pg.escapeIdentifier(name)}`);
  }),
);

async function connected<T>(work: (client: pg.Client) => Promise<T>, login?: StageLogin): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    ...(login && { user: login.name, password: login.password, options: `-c role=${login.role}` }),
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const exist = (client: Pick<pg.Client, 'query'>) =>
  client
    .query('select from pg_roles where rolname = any($1)', [logins.map(({ name }) => name)])
    .then(({ rowCount }) => rowCount);

test('logins are made once, each with the rights of its role and no other', async () => {
  const names = logins.map(({ name }) => name);
  expect((await connected((client) => ensureStageLogins(client, electionId, logins))).sort()).toEqual(names);
  expect(await connected((client) => ensureStageLogins(client, electionId, logins))).toEqual([]);
  const [writer, reader] = logins;
  await connected((client) => client.query('select law_id from participation'), writer);
  await connected((client) => client.query('select document from election'), reader);
  const refused = (login: StageLogin, text: string) =>
    expect(connected((client) => client.query(text), login)).rejects.toThrow(/permission denied/);
  await refused(writer, 'select document from election');
  await refused(reader, 'select voter from participation');
  await refused(reader, `reset role; insert into vote_results (law_id) values ('x')`);
  await refused(writer, 'reset role; create table mine ()');
});

test('made many times at once they are there once', async () => {
  await Promise.all(
    Array.from({ length: 5 }, () => connected((client) => ensureStageLogins(client, electionId, logins))),
  );
  expect(await connected(exist)).toBe(2);
});

test('they go with their election; one that was there before stays', async () => {
  const [writer, reader] = logins;
  await connected((client) => client.query(`create role ${pg.escapeIdentifier(reader.name)} login`));
  await connected((client) => ensureStageLogins(client, electionId, logins));
  await dropLedger(url, (client) => dropStageLogins(client, electionId, logins));
  await dropLedger(url, async (client) => {
    expect(await exist(client)).toBe(1);
    await dropStageLogins(client, electionId, [writer]);
  });
});
