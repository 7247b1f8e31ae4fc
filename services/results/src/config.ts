import { commonSettings, connectionSettings, kinds } from '@scrutin/shared/config.ts';
import { z } from 'zod';

const isTimeZone = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
};

export const settings = {
  ...commonSettings,
  PORT: kinds.integer(0, 65_535).default(3004).describe('HTTP port of results'),
  DATABASE_URL: connectionSettings.DATABASE_URL,
  DATABASE_ROLE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$/, 'must be the name of a PostgreSQL role')
    .default('scrutin_reader')
    .describe('The role that results takes on in PostgreSQL: it may read counts and outcomes, nothing else'),
  REFRESH_MS: kinds
    .integer(100, 60_000)
    .default(1_000)
    .describe('Milliseconds between two readings of the counts; the number of readers does not matter'),
  STALE_MS: kinds
    .integer(0, 600_000)
    .default(10_000)
    .describe(
      'Milliseconds that the counts last read are still shown while PostgreSQL is away; then readers get 503',
    ),
  MAX_WAITING_LOOKUPS: kinds
    .integer(1, 100_000)
    .default(2_000)
    .describe('Look-ups of ballots that wait for PostgreSQL at the most; more get 503 (P6)'),
  TIME_ZONE: z
    .string()
    .refine(isTimeZone, 'must be a time zone such as "America/Toronto"')
    .default('America/Toronto')
    .describe('Time zone in which the page writes moments'),
} as const;
