import { z } from 'zod';

/**
 * The one shape of a law's identifier, here, in the CRD and in the charts: 1 to 40 ASCII letters, digits,
 * `.`, `_` and `-`, starting and ending with a letter or a digit. No `:`, `{` or `/`, so that it can stand
 * in a Redis key, a URL path and a file name as it is.
 */
export const LAW_ID_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,38}[A-Za-z0-9])?$/;

export const lawIdSchema = z
  .string()
  .regex(LAW_ID_PATTERN, 'must be 1 to 40 letters, digits, ".", "_" or "-"')
  // The pattern says it too, but only to who can read one.
  .meta({
    description: 'Identifier of the law that is voted on.',
    example: 'loi-2026-01',
    maxLength: 40,
  });

export const isLawId = (value: unknown): value is string =>
  typeof value === 'string' && LAW_ID_PATTERN.test(value);
