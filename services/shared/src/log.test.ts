import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import pg from 'pg';
import { ScrutinError } from './errors.ts';
import { createLog, type Log } from './log.ts';

const NAS = '046454286';
const CODE = 'A1B2C3';
const VOTER = 'ab12'.repeat(16);

/** What `work` logs, as text and as parsed lines. */
function logged(work: (log: Log) => void): { text: string; lines: Record<string, unknown>[] } {
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  work(createLog({ stage: 'test', level: 'trace', format: 'json', destination }));
  return {
    text: written.join(''),
    lines: written.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

const holdsSecret = (text: string): boolean => /046[ -]?454[ -]?286|46454286|A1B2C3/i.test(text);

describe('the log', () => {
  const nasText = fc.constantFrom(NAS, '046 454 286', '046-454-286', `${NAS}${CODE}`);
  const sentence = fc
    .tuple(fc.lorem({ maxCount: 3 }), nasText, fc.constantFrom('', '.', ',', ' ', '"', "'", ')', '\n', '}'))
    .map(([words, nas, end]) => `${words} ${nas}${end}`);
  const submission = fc.record({
    nas: fc.oneof(nasText, fc.constant(46454286), fc.constant([NAS])),
    code: fc.constantFrom(CODE, CODE.toLowerCase()),
    law_id: fc.constant('loi-1'),
  });
  const secret = fc.oneof(
    sentence,
    submission,
    fc.record({ body: submission }),
    fc.record({ Body: fc.constant(JSON.stringify({ nas: NAS, code: CODE })) }),
    fc.record({ [NAS]: fc.constant(1) }),
  );
  const nested = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      secret,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const failure = fc.tuple(sentence, nested, fc.boolean()).map(([message, more, aggregate]) => {
    const inner = Object.assign(new Error(message, { cause: more }), { body: more, detail: message });
    if (aggregate) return new AggregateError([inner, new Error(message)], message);
    return new Error(message, { cause: inner });
  });

  it('holds neither a NAS nor a code, wherever they are put', () => {
    fc.assert(
      fc.property(nested, sentence, failure, (value, text, error) => {
        const { text: output, lines } = logged((log) => {
          log.info(text);
          log.info({ value }, text);
          log.warn({ err: error }, 'failed');
          log.error(error);
          log.error(error, 'with %s', text);
          log.error({ reason: error, deep: { error } });
          log.debug('of %s and %o', text, value as object);
          log.child({ value, nas: NAS }).info('child');
        });
        expect(lines).toHaveLength(8);
        expect(holdsSecret(output)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('takes anything without throwing', () => {
    const circular: Record<string, unknown> = { name: 'circle' };
    circular.self = circular;
    const hostile = [
      circular,
      Object.create(null),
      {
        get bad() {
          throw new Error('getter');
        },
      },
      new Proxy(
        {},
        {
          ownKeys() {
            throw new Error('trap');
          },
        },
      ),
      { big: 10n, symbol: Symbol('s'), fn: () => 1, date: new Date(Number.NaN), buffer: Buffer.alloc(1e6) },
      JSON.parse('{"__proto__":{"polluted":true}}'),
      Object.assign(new Error('odd'), { message: { toString: null }, stack: 1 }),
      { toJSON: () => ({ nas: NAS }) },
      new Map([[NAS, CODE]]),
    ];
    const { text, lines } = logged((log) => {
      for (const value of hostile) {
        log.info(value);
        log.info({ value }, 'inside');
        log.info('as an argument %o', value);
      }
      log.info(undefined);
      log.info(null);
    });
    expect(lines).toHaveLength(hostile.length * 3 + 2);
    expect(holdsSecret(text)).toBe(false);
    expect({}).not.toHaveProperty('polluted');
  });

  it('keeps what is needed to understand', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      errno: -111,
      syscall: 'connect',
      address: '127.0.0.1',
      port: 5432,
    });
    const error = new ScrutinError('ledger-unavailable', 'the ledger is away', { retryAfter: 1, cause });
    const { lines } = logged((log) => log.warn({ err: error, attempt: 3, law: 'loi-1' }, 'trying again'));
    expect(lines[0]).toMatchObject({
      level: 'warn',
      stage: 'test',
      msg: 'trying again',
      attempt: 3,
      law: 'loi-1',
      err: {
        type: 'ScrutinError',
        code: 'ledger-unavailable',
        message: 'ledger-unavailable: the ledger is away',
        stack: expect.stringContaining('log.test'),
        cause: { code: 'ECONNREFUSED', errno: -111, port: 5432 },
      },
    });
  });

  it('never holds what PostgreSQL says of the values that it refused', async () => {
    const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
    await client.connect();
    await client.query('create temporary table marks (voter text primary key, choice text, n int)');
    const errors: unknown[] = [];
    const statements: [string, unknown[]][] = [
      ['insert into marks values ($1, $2)', [VOTER, 'oui']],
      ['insert into marks values ($1, $2)', [VOTER, 'oui']],
      ['insert into marks values ($1, $2, $3)', ['x', CODE, VOTER]],
      ['insert into marks values ($1, $2, $3)', ['x', 'oui', NAS.repeat(2)]],
    ];
    for (const [statement, values] of statements)
      await client.query(statement, values).catch((error: unknown) => errors.push(error));
    await client.end();
    expect(errors).toHaveLength(3);
    expect(JSON.stringify(errors[0])).toContain(VOTER);
    const { text, lines } = logged((log) => {
      for (const error of errors) log.error({ err: error, cause: { error } }, 'refused');
    });
    expect(text).not.toContain(VOTER);
    expect(text).not.toContain(CODE);
    expect(lines[0]).toMatchObject({ err: { code: '23505', constraint: 'marks_pkey', table: 'marks' } });
  });

  it('never holds the arguments of a Redis command that failed', async () => {
    const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
    const error = await redis.call('hset', 'no-such', VOTER).catch((reason: unknown) => reason);
    await redis.quit();
    expect(JSON.stringify(error)).toContain(VOTER);
    const { text } = logged((log) => log.error({ err: error }, 'refused'));
    expect(text).toContain('ReplyError');
    expect(text).not.toContain(VOTER);
  });

  it.each([
    ['a terminal', true, 'auto', false],
    ['a file', false, 'auto', true],
    ['a terminal, if JSON is asked for', true, 'json', true],
    ['a file, if lines for people are asked for', false, 'pretty', false],
  ])('on %s is JSON or for people, and either way without a secret', (_where, terminal, format, json) => {
    const module = new URL('./log.ts', import.meta.url).href;
    const program = `
      process.stdout.isTTY = ${terminal};
      const { createLog } = await import(${JSON.stringify(module)});
      const log = createLog({ stage: 'test', election: 'demo', format: ${JSON.stringify(format)} });
      log.info({ ballot_id: 'b-1', nas: '${NAS}' }, 'vote of ${NAS} accepted');
      log.debug('not told');`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toContain('b-1');
    expect(holdsSecret(stdout)).toBe(false);
    expect(stdout).not.toContain('not told');
    if (json) {
      expect(stdout.trim().split('\n')).toHaveLength(1);
      expect(JSON.parse(stdout)).toMatchObject({
        level: 'info',
        stage: 'test',
        election: 'demo',
        ballot_id: 'b-1',
      });
    } else expect(stdout).toMatch(/INFO.*vote of \[removed\] accepted/);
  });

  it('removes the password of a URL', () => {
    const { text } = logged((log) => {
      log.info('amqp://user:hunter2@broker:5672/vhost');
      log.info({ url: 'redis://:hunter2@redis:6379', list: ['postgres://a:hunter2@db/x'] });
    });
    expect(text).not.toContain('hunter2');
    expect(text).toContain('amqp://user:***@broker:5672/vhost');
  });

  it('takes a message of a megabyte, or ten thousand, in little time', () => {
    const start = performance.now();
    const { text } = logged((log) => {
      for (const filler of ['1', '1 ', '123456789', 'a://b:', ' '])
        log.info({ filler: filler.repeat(1_000_000 / filler.length) }, filler.repeat(100_000));
      for (let i = 0; i < 10_000; i++)
        log.info({ votes: i, queue: 'validation_queue' }, 'a batch was handled');
    });
    // An expression that looks back over a megabyte takes minutes.
    expect(performance.now() - start).toBeLessThan(40_000);
    expect(text.length).toBeLessThan(3_000_000);
  });
});
