import { pino } from 'pino';

export type Log = pino.Logger;

export interface LogOptions {
  /** Name of the stage; stands in every line. */
  stage: string;
  level?: string;
  format?: 'auto' | 'json' | 'pretty';
  /** Where lines go; standard output by default. */
  destination?: pino.DestinationStream;
}

/**
 * The logger of a process: JSON lines (pino), or lines for people on a terminal. What looks like a NAS, and
 * whatever stands under a key that may hold a NAS, a code or a request's body, is replaced before it is
 * written (P4): a developer's slip must not become a leak.
 */
export function createLog(options: LogOptions): Log {
  const pretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY === true);
  const settings: pino.LoggerOptions = {
    level: options.level ?? 'info',
    base: { stage: options.stage, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: (fields) => scrubFields(fields) },
    hooks: {
      logMethod(args, method) {
        method.apply(this, args.map((arg) => (typeof arg === 'string' ? scrub(arg) : arg)) as never);
      },
    },
    serializers: { err: (error: unknown) => scrubFields(pino.stdSerializers.err(error as Error)) },
  };
  if (options.destination) return pino(settings, options.destination);
  if (!pretty) return pino(settings);
  return pino({
    ...settings,
    formatters: { log: settings.formatters!.log! },
    transport: {
      target: 'pino-pretty',
      options: { ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' },
    },
  });
}

const NAS_LIKE = /(?<![0-9A-Za-z])\d{3}[ -]?\d{3}[ -]?\d{3}(?![0-9A-Za-z])/g;
const SECRET_KEYS = new Set(['nas', 'code', 'body', 'password', 'pepper', 'authorization', 'cookie']);
const URL_PASSWORD = /(:\/\/[^/:@\s]*:)[^@/\s]+@/g;

/** `text` without what looks like a NAS (nine digits, in threes or not) and without passwords in URLs. */
export const scrub = (text: string): string =>
  text.replace(NAS_LIKE, '[removed]').replace(URL_PASSWORD, '$1***@');

function scrubFields(fields: object, depth = 0): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields))
    clean[key] =
      SECRET_KEYS.has(key.toLowerCase()) && !isErrorCode(key, value) ? '[removed]' : scrubValue(value, depth);
  return clean;
}

// `code` is also what Node, PostgreSQL and AMQP call the kind of an error.
const isErrorCode = (key: string, value: unknown): boolean =>
  key === 'code' &&
  (typeof value === 'number' || (typeof value === 'string' && /^[A-Z]+_?[A-Z_]+$/.test(value)));

function scrubValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value === 'number' && value >= 1e8 && value < 1e9 && Number.isInteger(value)) return '[removed]';
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth >= 4) return '[nested]';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => scrubValue(item, depth + 1));
  return scrubFields(value, depth + 1);
}
