import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import { memoryOf, memoryOfTree } from './memory.ts';

it('a tree of processes holds what its children hold, too', async () => {
  const held = 64 * 1_048_576;
  const inner = `const held = Buffer.alloc(${held}, 1); console.log('ready'); setInterval(() => held[0], 1000)`;
  const outer = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(inner)}], { stdio: 'inherit' })`;
  const child = spawn(process.execPath, ['-e', outer], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  try {
    await once(child.stdout, 'data');
    expect(memoryOfTree(child.pid!)).toBeGreaterThan(held);
    expect(memoryOf(child.pid!)).toBeGreaterThan(1_048_576);
    expect(memoryOfTree(child.pid!)! - memoryOf(child.pid!)!).toBeGreaterThan(held / 2);
  } finally {
    process.kill(-child.pid!, 'SIGKILL');
  }
});

it('what is gone holds nothing that can be told', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  expect(memoryOfTree(child.pid!)).toBeUndefined();
  expect(memoryOf(child.pid!)).toBeUndefined();
});
