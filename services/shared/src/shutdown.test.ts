import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { until } from './testing/virtual-host.ts';

let child: ChildProcess | undefined;

afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** Starts a process that shuts down by `steps`, JavaScript of an array; resolves once it is up. */
async function start(steps: string, options = 'graceMs: 10_000, delayMs: 0') {
  const source = `
    import { createLog } from './log.ts';
    import { shutdownOnSignal } from './shutdown.ts';
    const say = (text) => process.stdout.write(text + '\\n');
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    setInterval(() => {}, 1_000);
    shutdownOnSignal({
      log: createLog({ stage: 'test', level: 'warn', format: 'json' }),
      unready: () => say('unready'), ${options}, steps: ${steps},
    });
    say('up');`;
  const started = spawn(process.execPath, ['--input-type=module-typescript', '--eval', source], {
    cwd: new URL('.', import.meta.url).pathname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  let output = '';
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await until('the process is up', () => output.includes('up'));
  // Not at its exit: what it wrote last may not have been read by then.
  const ended = once(started, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { ended, kill: (signal: NodeJS.Signals) => started.kill(signal), output: () => output };
}

const said = (output: string) => output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));

describe('SIGTERM', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('or SIGINT ends the process in order: %s', async (signal) => {
    const { ended, kill } = await start(
      "[{ name: 'a', run: async () => { await wait(100); say('a'); } }, { name: 'b', run: () => say('b') }]",
    );
    kill(signal);
    const { code, output } = await ended;
    expect(code).toBe(0);
    expect(said(output)).toEqual(['up', 'unready', 'a', 'b']);
  });

  it('goes on with the next step when one fails', async () => {
    const { ended, kill } = await start(
      "[{ name: 'a', run: () => { throw new Error('broken'); } }, { name: 'b', run: () => say('b') }]",
    );
    kill('SIGTERM');
    const { code, output } = await ended;
    expect(code).toBe(0);
    expect(said(output)).toEqual(['up', 'unready', 'b']);
    expect(output).toMatch(/"step":"a"/);
  });

  it('waits, unready, for the load balancer before the first step', async () => {
    // By the process's own clock: this one may be late in reading what it says.
    const { ended, kill } = await start(
      "[{ name: 'a', run: () => say(performance.now() - globalThis.since > 990 ? 'a, late' : 'a, at once') }]",
      "graceMs: 20_000, delayMs: 1_000, unready: () => { globalThis.since = performance.now(); say('unready'); }",
    );
    kill('SIGTERM');
    const { code, output } = await ended;
    expect(code).toBe(0);
    expect(said(output)).toEqual(['up', 'unready', 'a, late']);
  });

  it('waits until nobody is sent there any more, where there is a load balancer', async () => {
    const unasked = "unasked: async () => { await wait(100); say('unasked'); }";
    for (const [delayMs, right] of [
      [100, ['up', 'unready', 'unasked', 'a']],
      [0, ['up', 'unready', 'a']],
    ] as const) {
      const { ended, kill } = await start(
        "[{ name: 'a', run: () => say('a') }]",
        `graceMs: 20_000, delayMs: ${delayMs}, ${unasked}`,
      );
      kill('SIGTERM');
      expect(said((await ended).output)).toEqual(right);
    }
  });

  it('ends with code 1 when a step takes longer than the grace', async () => {
    const { ended, kill } = await start(
      "[{ name: 'a', run: () => wait(60_000) }]",
      'graceMs: 200, delayMs: 0',
    );
    const begin = performance.now();
    kill('SIGTERM');
    const { code, output } = await ended;
    expect(code).toBe(1);
    expect(output).toContain('SHUTDOWN_GRACE_MS');
    expect(performance.now() - begin).toBeLessThan(40_000);
  });

  it('a second time ends it at once', async () => {
    const { ended, kill, output } = await start("[{ name: 'a', run: () => wait(60_000) }]");
    kill('SIGTERM');
    await until('it is stopping', () => output().includes('unready'));
    kill('SIGTERM');
    expect((await ended).code).toBe(1);
  });
});
