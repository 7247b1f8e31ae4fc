import { z } from 'zod';

/** UTC, ISO 8601, milliseconds: the only way a moment is written between processes. */
export const timestampSchema = z.iso.datetime({ precision: 3 });

/** `ms` since the epoch as the project writes it. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();
