import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { electionIdSchema } from './election.ts';
import { pepperFromHex } from './voter-hash.ts';

/**
 * A process's settings: environment variable → schema. Each schema has a description and, unless the
 * setting is required, a default; `.meta({ secret: true })` keeps its value out of what is printed.
 * `.env.example` is made from these tables, and a test keeps it so.
 */
export type Settings = Record<string, z.ZodType>;
export type Config<S extends Settings> = Readonly<{ [K in keyof S]: z.output<S[K]> }>;

/** A wrong setting. `main` prints the message, one line a setting, and ends with exit code 2. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly code = 'bad-settings';
}

/**
 * Reads the settings from the environment once and freezes them. Every setting NAME may also be given as
 * NAME_FILE, the path of a file that holds it (Kubernetes and Docker secrets).
 * Throws {@link ConfigError} that names every wrong setting.
 */
export function readConfig<S extends Settings>(
  settings: S,
  env: Record<string, string | undefined> = process.env,
): Config<S> {
  const config: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, schema] of Object.entries(settings)) {
    const raw = rawSetting(name, env, problems);
    const parsed = schema.safeParse(raw);
    if (parsed.success) config[name] = parsed.data;
    else {
      const secret = isSecret(schema);
      const given =
        raw === undefined
          ? 'it is not set'
          : secret
            ? 'got another value'
            : `got ${JSON.stringify(withoutPassword(raw))}`;
      problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join('; ')} (${given})`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return Object.freeze(config) as Config<S>;
}

function rawSetting(
  name: string,
  env: Record<string, string | undefined>,
  problems: string[],
): string | undefined {
  // An empty variable counts as not set: that is how compose and charts pass on "no value".
  if (env[name]) return env[name];
  const file = env[`${name}_FILE`];
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    problems.push(`${name}_FILE: can't be read: ${(error as Error).message}`);
    return undefined;
  }
}

const isSecret = (schema: z.ZodType): boolean => schema.meta()?.secret === true;

/** The settings as they may be printed: secrets as `***`, passwords inside URLs likewise. */
export function maskedConfig<S extends Settings>(settings: S, config: Config<S>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, schema]) => {
      const value = config[name];
      if (value === undefined) return [name, undefined];
      return [name, isSecret(schema) ? '***' : maskUrl(value)];
    }),
  );
}

/** A URL without its password; anything else as it is. */
export function maskUrl(value: unknown): unknown {
  if (typeof value !== 'string' || !/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return value;
  return value.replace(/(:\/\/[^/:@]*:)[^/]*@/, '$1***@');
}

/** A wrong value, which may be a URL with a fault in it, without what may be a password. */
const withoutPassword = (value: string): string => value.replace(/:[^:@]*@/g, ':***@');

const integer = (min: number, max: number) => {
  const rule = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number({ error: rule }).int(rule).min(min, rule).max(max, rule);
};

const url = (protocols: string[]) =>
  z
    .string({ error: `must be a URL that starts with ${protocols.join(' or ')}` })
    .refine(
      (value) => protocols.some((protocol) => value.startsWith(protocol)) && URL.canParse(value),
      `must be a URL that starts with ${protocols.join(' or ')}`,
    );

const flag = z.stringbool({ error: 'must be "true" or "false"' });

/** Kinds of settings, so that a wrong value is told in the same words everywhere. */
export const kinds = { integer, url, flag };

/** Settings that every stage has. */
export const commonSettings = {
  ELECTION_ID: electionIdSchema.default('demo').describe('The election that this process serves'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on; 0.0.0.0 in a container'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be a level of pino',
    })
    .default('info')
    .describe('Least level that is logged'),
  LOG_FORMAT: z
    .enum(['auto', 'json', 'pretty'], { error: 'must be "auto", "json" or "pretty"' })
    .default('auto')
    .describe('JSON lines, or lines for people; auto: pretty on a terminal'),
  SHUTDOWN_GRACE_MS: integer(0, 600_000)
    .default(20_000)
    .describe('After SIGTERM: milliseconds to finish what was taken before the process ends all the same'),
  SHUTDOWN_DELAY_MS: integer(0, 60_000)
    .default(0)
    .describe(
      'After SIGTERM: milliseconds at the least to go on serving while not ready, so that a load balancer notices; then until nobody asks',
    ),
};

/** Settings of the connections; a stage takes those that it needs. */
export const connectionSettings = {
  RABBITMQ_URL: url(['amqp://', 'amqps://'])
    .default('amqp://guest:guest@127.0.0.1:5672/scrutin-demo')
    .describe('RabbitMQ, with the election’s virtual host'),
  REDIS_URL: url(['redis://', 'rediss://'])
    .default('redis://127.0.0.1:6379')
    .describe('Redis; several addresses of a Redis Cluster in REDIS_CLUSTER_NODES'),
  REDIS_CLUSTER_NODES: z
    .string()
    .regex(/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/, 'must be host:port, separated by commas')
    .optional()
    .describe(
      'Nodes of a Redis Cluster, host:port separated by commas; user and password come from REDIS_URL',
    ),
  DATABASE_URL: url(['postgres://', 'postgresql://'])
    .default('postgres://postgres@127.0.0.1:5432/scrutin_demo')
    .describe('The election’s PostgreSQL database'),
  VOTER_PEPPER: z
    .string({ error: 'must be the election’s secret, 64 or more hexadecimal digits' })
    .transform((hex, context) => {
      try {
        return pepperFromHex(hex);
      } catch (error) {
        context.issues.push({ code: 'custom', message: (error as Error).message, input: undefined });
        return z.NEVER;
      }
    })
    .meta({ secret: true })
    .describe('The election’s secret pepper (P4), 64 or more hexadecimal digits; required'),
};
