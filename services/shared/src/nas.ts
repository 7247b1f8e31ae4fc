import { z } from 'zod';

/** How people write a NAS: nine ASCII digits, single spaces or dashes allowed between them. */
const WRITTEN_NAS = /^ ?[0-9](?:[ -]?[0-9]){8} ?$/;

/** True if the nine digits pass the Luhn check (ISO/IEC 7812-1, annex B). */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const weighted = i % 2 === 1 ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}

/** The check digit that makes `eightDigits` + digit pass the Luhn check. */
export function luhnCheckDigit(eightDigits: string): number {
  for (let digit = 0; digit < 10; digit++) if (passesLuhn(eightDigits + digit)) return digit;
  throw new RangeError('eight digits expected');
}

/** Nine digits without separators, or `undefined` if `written` is not a NAS. */
export function normalizeNas(written: unknown): string | undefined {
  // The length is looked at first, so that a megabyte of digits costs nothing.
  if (typeof written !== 'string' || written.length > 32 || !WRITTEN_NAS.test(written)) return undefined;
  return written.length === 9 ? written : written.replace(/[ -]/g, '');
}

/** Message of a bad NAS. It never holds the value (P4). */
export const NAS_RULE = 'must be a string of 9 digits; spaces or dashes between them are allowed';

export const nasSchema = z
  .string({ error: NAS_RULE })
  .refine((value) => normalizeNas(value) !== undefined, NAS_RULE)
  .transform((value) => normalizeNas(value) as string)
  .meta({
    description: 'Numéro d’assurance sociale, 9 digits',
    example: '046 454 286',
    pattern: WRITTEN_NAS.source,
  });
