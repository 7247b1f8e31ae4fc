import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, describe, expect, test } from '@jest/globals';
import { endProcess, goneWithin, identify, isRunning } from './process-identity.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(script: string): Promise<number> {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  return child.pid!;
}

describe('a process’s identity', () => {
  test('is known again as long as it runs, and not after', async () => {
    const identity = identify(await start('echo up; exec sleep 60'))!;
    expect(isRunning(identity)).toBe(true);
    process.kill(identity.pid, 'SIGKILL');
    expect(await goneWithin(identity, 15_000)).toBe(true);
    expect(isRunning(identity)).toBe(false);
    expect(identify(identity.pid)).toBeUndefined();
  });

  test('is not that of another process that got the same pid', async () => {
    const { pid } = identify(await start('echo up; exec sleep 60'))!;
    const stranger = { pid, started: 'long-ago' };
    expect(isRunning(stranger)).toBe(false);
    expect(await endProcess(stranger, 10)).toBe(false);
    expect(identify(pid)).toBeDefined();
  });

  test('survives a change of the program (exec)', async () => {
    const pid = await start('echo up; sleep 0.05; exec sleep 60');
    const before = identify(pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(identify(pid)).toEqual(before);
  });

  test('is ended gently, and with its group by force when it does not listen', async () => {
    const gentle = identify(await start('echo up; exec sleep 60'))!;
    expect(await endProcess(gentle, 15_000)).toBe(false);
    const deaf = identify(await start('trap "" TERM; echo up; while :; do sleep 60; done'))!;
    expect(await endProcess(deaf, 200)).toBe(true);
    expect(isRunning(deaf)).toBe(false);
  });
});
