import type pg from 'pg';

/** What a person can do about it, by SQLSTATE. */
const REMEDIES: Record<string, string> = {
  '3D000': 'the election’s database is not there: the reconciler (npm run init) makes it',
  '42P01': 'the schema is not there: the reconciler (npm run init) makes it',
  '22023': 'the role of DATABASE_ROLE is not there: the reconciler (npm run init) makes it',
  '42501': 'the role of DATABASE_ROLE lacks a right',
};

/** Rejects, in words for people, if votes can't be recorded now. No address and no password in them. */
export async function checkLedger(pool: pg.Pool): Promise<void> {
  try {
    await pool.query('select law_id from vote_results limit 1');
  } catch (error) {
    const { code } = error as { code?: string };
    throw new Error(REMEDIES[code ?? ''] ?? `does not answer${code ? ` (${code})` : ''}`);
  }
}
