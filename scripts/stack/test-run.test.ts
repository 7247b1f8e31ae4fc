import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-test-run-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Has jest run this one test file, and returns what the run came to. */
function run(source: string): { code: number | null; said: string } {
  writeFileSync(join(folder, 'a.test.js'), source);
  const jest = ['--rootDir', folder, '--config', '{"testEnvironment":"node"}'];
  const program = `
    import { TestRun } from ${JSON.stringify(new URL('./test-run.ts', import.meta.url).href)};
    const run = new TestRun();
    await run.jest(${JSON.stringify(jest)}, { env: process.env, folder: ${JSON.stringify(folder)}, leakLimitMs: 10_000 });
    process.exitCode = run.summary();`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module-typescript', '-e', program],
    { encoding: 'utf8', timeout: 100_000 },
  );
  return { code: status, said: stdout + stderr };
}

test('a run says what passed and what failed', () => {
  expect(run('test("a", () => {})')).toMatchObject({
    code: 0,
    said: expect.stringContaining('\n1 passed, 0 failed\n'),
  });
  expect(run('test("a", () => {}); test("b", () => { throw new Error("no") })')).toMatchObject({
    code: 1,
    said: expect.stringContaining('\n1 passed, 1 failed\n'),
  });
}, 120_000);

test('a test that leaves something open fails the run and does not keep it', () => {
  const { code, said } = run('test("a", () => { setInterval(() => {}, 1000) })');
  expect(said).toContain('a test has left something open');
  expect(said).toContain('\n1 passed, 1 failed\n');
  expect(code).toBe(1);
}, 120_000);
