import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ConfigError,
  commonSettings,
  connectionSettings,
  kinds,
  maskedConfig,
  maskUrl,
  readConfig,
} from './config.ts';

const settings = { ...commonSettings, ...connectionSettings, PORT: kinds.integer(0, 65_535).default(80) };
const PEPPER = 'c0ffee'.repeat(11);
let folder: string | undefined;

afterEach(() => {
  if (folder) rmSync(folder, { recursive: true });
  folder = undefined;
});

function secretFile(text: string): string {
  folder = mkdtempSync(join(tmpdir(), 'config-test-'));
  const file = join(folder, 'secret');
  writeFileSync(file, text);
  return file;
}

describe('the settings', () => {
  it('have their defaults, are frozen, and take what the environment says', () => {
    const config = readConfig(settings, { VOTER_PEPPER: PEPPER, PORT: '8080', LOG_LEVEL: '' });
    expect(config).toMatchObject({ PORT: 8080, LOG_LEVEL: 'info', ELECTION_ID: 'demo' });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('may come from files, as secrets do', () => {
    const config = readConfig(settings, { VOTER_PEPPER_FILE: secretFile(`${PEPPER}\n`) });
    expect(config.VOTER_PEPPER.export().toString('hex')).toBe(PEPPER);
    expect(() => readConfig(settings, { VOTER_PEPPER_FILE: '/no/such/file' })).toThrow(
      /VOTER_PEPPER_FILE: can't/,
    );
  });

  it('that are wrong are all told, a line each, secrets without their value', () => {
    const wrong = { VOTER_PEPPER: 'abc123', PORT: '70000', REDIS_URL: 'http://x', ELECTION_ID: 'Été' };
    let told = new ConfigError('');
    try {
      readConfig(settings, wrong);
    } catch (error) {
      told = error as ConfigError;
    }
    expect(told).toBeInstanceOf(ConfigError);
    expect(told.message.split('\n').map((line) => line.split(':')[0])).toEqual([
      'ELECTION_ID',
      'REDIS_URL',
      'VOTER_PEPPER',
      'PORT',
    ]);
    expect(told.message).not.toContain('abc123');
    expect(told.message).toContain('PORT: must be a whole number from 0 to 65535 (got "70000")');
  });

  it('never throw anything but a ConfigError, and never tell the pepper or a password', () => {
    const name = fc.constantFrom(...Object.keys(settings));
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('-1', '1e3', '0x10', ' ', 'NaN', '١'),
    );
    fc.assert(
      fc.property(fc.dictionary(name, value), (env) => {
        try {
          readConfig(settings, env);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
    );
    const broken = { VOTER_PEPPER: PEPPER, DATABASE_URL: 'http://user:hunter2@db/x' };
    expect(() => readConfig(settings, broken)).toThrow(/^(?!.*hunter2)/s);
  });

  it('are printed without secrets', () => {
    const config = readConfig(settings, { VOTER_PEPPER: PEPPER, REDIS_URL: 'redis://:hunter2@redis:1' });
    const printed = JSON.stringify(maskedConfig(settings, config));
    expect(printed).not.toMatch(/c0ffee|hunter2/);
    expect(printed).toContain('"VOTER_PEPPER":"***"');
    expect(printed).toContain('redis://:***@redis:1');
  });
});

describe('a URL that is printed', () => {
  it('has no password, whatever characters that has', () => {
    const password = fc.stringMatching(/^[A-Za-z0-9!$&'()*+,;=%._~-]{6,20}$/);
    fc.assert(
      fc.property(password, fc.stringMatching(/^[a-z]{0,8}$/), (secret, user) => {
        const masked = String(maskUrl(`amqp://${user}:${secret}@host:5672/v`));
        expect(masked).toBe(`amqp://${user}:***@host:5672/v`);
      }),
    );
  });
});
