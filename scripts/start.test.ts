import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { isRunning, type ProcessIdentity } from './servers/process-identity.ts';
import { projectFolder, StateFile } from './servers/state.ts';

const LIMIT_MS = 400_000;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-start-'));
  // As a project's folder is: PostgreSQL's user may pass through.
  chmodSync(folder, 0o711);
});
afterAll(async () => {
  await command('reset', '--yes');
  rmSync(folder, { recursive: true, force: true });
}, LIMIT_MS);

/** Without the servers that the tests themselves use: private ones are what is tried here. */
function environment(): NodeJS.ProcessEnv {
  const {
    REDIS_URL: _,
    RABBITMQ_URL: __,
    RABBITMQ_MANAGEMENT_URL: ___,
    DATABASE_URL: ____,
    ...env
  } = process.env;
  return { ...env, SCRUTIN_DATA: folder, NO_COLOR: '1' };
}

/** Runs a command to its end; resolves with its exit code and what it printed. */
async function command(name: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const program = [join(projectFolder, 'scripts', `${name}.ts`), ...args];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, program, { env: environment() });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

const left = (): ProcessIdentity[] => Object.values(StateFile.read(folder)!.processes).filter(isRunning);

describe('npm start', () => {
  test(
    'goes from nothing to exact results, and leaves no process',
    async () => {
      const { code, output } = await command('start', '--exit', '--voters', '2000', '--votes', '300');
      expect({ code, output }).toMatchObject({
        code: 0,
        output: expect.stringContaining('results show what was counted'),
      });
      expect(output).not.toContain('✖');
      expect(output).toMatch(/loi-\S+ +\d+ +[\d.]+ % +\d+ +[\d.]+ % +\d+ +[\d.]+ %/);
      expect(left()).toEqual([]);
      for (const secret of ['state.json', 'pepper', 'sample/roll.csv'])
        expect([secret, statSync(join(folder, secret)).mode & 0o077]).toEqual([secret, 0]);
    },
    LIMIT_MS,
  );

  test(
    'goes on with its data, answers the other commands, and stops in order at Ctrl-C',
    async () => {
      const before = StateFile.read(folder)!;
      const start = spawn(process.execPath, [join(projectFolder, 'scripts/start.ts'), '--votes', '100'], {
        env: environment(),
      });
      let output = '';
      for (const stream of [start.stdout, start.stderr])
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString();
        });
      const ended = new Promise<number | null>((resolve) => start.once('close', resolve));
      try {
        await until('everything runs', () => output.includes('Everything runs'), 240_000);
        const state = StateFile.read(folder)!;
        expect(state.nextElector).toBeGreaterThan(before.nextElector);
        expect(state.id).toBe(before.id);
        // Another test's servers may have come upon a port while nobody had it; that is told.
        const taken = output.includes(`Port ${before.ports.redis} of redis is taken by another program`);
        expect(state.ports.redis === before.ports.redis).toBe(!taken);

        expect(await command('start')).toMatchObject({
          code: 1,
          output: expect.stringContaining('runs already'),
        });
        expect(await command('reset', '--yes')).toMatchObject({
          code: 1,
          output: expect.stringContaining('stop it first'),
        });
        expect(await command('health')).toMatchObject({ code: 0 });
        expect(await command('scale-workers', '3')).toMatchObject({
          code: 0,
          output: expect.stringContaining('2 → 3'),
        });
        expect(await command('stats')).toMatchObject({
          code: 0,
          output: expect.stringMatching(/Workers +3/),
        });
        expect(await command('scale-workers', '1')).toMatchObject({
          code: 0,
          output: expect.stringContaining('3 → 1'),
        });
        expect(await command('review')).toMatchObject({
          code: 0,
          output: expect.stringContaining('Nothing waits'),
        });
        expect(await command('logs', 'ingestion')).toMatchObject({
          code: 0,
          output: expect.stringContaining('ingestion'),
        });
        const { output: secrets } = await command('urls', '--secrets');
        expect(output).not.toContain(new URL(/redis:\S+@\S+/.exec(secrets)![0]).password);
        const dump = join(folder, 'saved.dump');
        expect(await command('backup-db', dump)).toMatchObject({ code: 0 });
        expect(await command('restore-db', dump)).toMatchObject({
          code: 1,
          output: expect.stringContaining('Stop it first'),
        });
      } finally {
        start.kill('SIGINT');
        await ended;
      }
      expect(await ended).toBe(0);
      expect(output).toContain('Stopped');
      expect(left()).toEqual([]);
      expect(existsSync(join(folder, 'lock.json'))).toBe(false);
    },
    LIMIT_MS,
  );

  test(
    'has its database brought back while it does not run',
    async () => {
      const { code, output } = await command('restore-db', join(folder, 'saved.dump'));
      expect({ code, output }).toMatchObject({
        code: 0,
        output: expect.stringContaining('checksum verified'),
      });
      expect(left()).toEqual([]);
      expect(readFileSync(join(folder, 'saved.dump.sha256'), 'utf8')).toMatch(
        /^[0-9a-f]{64} {2}saved\.dump\n$/,
      );
    },
    LIMIT_MS,
  );
});
