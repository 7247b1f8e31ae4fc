import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FloodPlan } from './flood-program.ts';

const PROGRAM = fileURLToPath(new URL('./flood-program.ts', import.meta.url));

/** Lets the generator of `flood-program.ts` offer `plan`, on these cores where they are given; resolves when it has ended. */
export async function flood(
  plan: Omit<FloodPlan, 'summary'>,
  files: { folder: string; label: string },
  cores: string | undefined,
): Promise<void> {
  const planFile = join(files.folder, `${files.label}.plan.json`);
  const summary = join(files.folder, `${files.label}.json`);
  writeFileSync(planFile, JSON.stringify({ ...plan, summary } satisfies FloodPlan));
  const command = [process.execPath, PROGRAM, planFile];
  const [program, ...args] = cores === undefined ? command : ['taskset', '-c', cores, ...command];
  const child = spawn(program!, args, { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`the load generator ended with code ${code}`);
}
