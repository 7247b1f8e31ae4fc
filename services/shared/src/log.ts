import { pino } from 'pino';
import { scrubFields, scrubValue } from './scrub.ts';

export type Log = pino.Logger;

export interface LogOptions {
  /** Name of the stage; stands in every line. */
  stage: string;
  /** The election that the process serves, if it serves one; stands in every line too. */
  election?: string | undefined;
  level?: string;
  format?: 'auto' | 'json' | 'pretty';
  /** Where lines go; standard output by default. */
  destination?: pino.DestinationStream;
}

/**
 * The logger of a process: JSON lines (pino), or lines for people on a terminal. What looks like a NAS, and
 * whatever stands under a key that may hold a NAS, a code or a request's body, is replaced before it is
 * written (P4), and of an error only what quotes no value of a statement is kept (P5): a developer's slip
 * must not become a leak.
 */
export function createLog(options: LogOptions): Log {
  const pretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY === true);
  const settings: pino.LoggerOptions = {
    level: options.level ?? 'info',
    base: {
      stage: options.stage,
      ...(options.election !== undefined && { election: options.election }),
      pid: process.pid,
    },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: scrubFields },
    // The formatter has made a plain object of it, with less in it than pino's own serializer would take.
    serializers: { err: (error: unknown) => (error instanceof Error ? scrubValue(error) : error) },
    hooks: { logMethod: scrubArguments },
  };
  if (options.destination) return withScrubbedChildren(pino(settings, options.destination));
  if (!pretty) return withScrubbedChildren(pino(settings));
  const logger = pino({
    ...settings,
    // A transport writes the level itself.
    formatters: { log: scrubFields },
    transport: {
      target: 'pino-pretty',
      options: { ignore: 'pid,hostname,election', translateTime: 'SYS:HH:MM:ss.l' },
    },
  });
  return withScrubbedChildren(logger);
}

/** pino does not format what a child logger is bound to; children have their parent for a prototype. */
function withScrubbedChildren(log: Log): Log {
  const child = log.child;
  log.child = function (this: Log, bindings: pino.Bindings, options?: object) {
    return Reflect.apply(child, this, [scrubFields(bindings), options]);
  } as Log['child'];
  return log;
}

/** Scrubs the message and what is put into it. The fields, if there are any, are scrubbed by the formatter. */
function scrubArguments(this: Log, args: unknown[], method: pino.LogFn): void {
  const [first, ...rest] = args;
  const texts = (values: unknown[]) => values.map((value) => scrubValue(value));
  // An error alone: pino would take its message as it is.
  if (first instanceof Error) {
    const message = rest.length > 0 ? texts(rest) : [scrubValue(first.message)];
    Reflect.apply(method, this, [{ err: first }, ...message]);
  } else if (typeof first === 'object' && first !== null)
    Reflect.apply(method, this, [first, ...texts(rest)]);
  else Reflect.apply(method, this, texts(args));
}
