import { z } from 'zod';

const WRITTEN_CODE = /^[A-Za-z0-9]{6}$/;

/** The code in upper case, or `undefined` if `written` is not six ASCII letters and digits. */
export function normalizeCode(written: unknown): string | undefined {
  // ASCII only before upper-casing: 'ß' would otherwise become two letters.
  if (typeof written !== 'string' || !WRITTEN_CODE.test(written)) return undefined;
  return written.toUpperCase();
}

/** Message of a bad code. It never holds the value (P4). */
export const CODE_RULE = 'must be a string of 6 letters and digits, in either case';

export const codeSchema = z
  .string({ error: CODE_RULE })
  .regex(WRITTEN_CODE, CODE_RULE)
  .toUpperCase()
  .meta({ description: 'The voter’s code, 6 letters and digits', example: 'A1B2C3' });
