import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectFolder, type StateFile } from '../servers/state.ts';
import type { ElectionFile } from './election-file.ts';

/** Where the hash files of an election's volume lie on one machine; undefined if its source is no volume. */
export const electorateFolder = (file: StateFile, { electorate }: ElectionFile): string | undefined =>
  electorate && file.path('volumes', electorate);

/** The sample's roll: NAS and codes, so 0600 and never outside the data folder. */
export const rollFile = (file: StateFile): string => file.path('sample', 'roll.csv');

/**
 * Makes an electorate of `voters` people and its hash files in `folder`, and their roll (which a real
 * election never keeps) in `roll`. Nothing is there, or all of it: both are renamed into place at the end.
 * Progress is given as the generator's lines.
 */
export async function generateElectorate(options: {
  voters: number;
  folder: string;
  roll: string;
  signal?: AbortSignal;
}): Promise<void> {
  const { voters, folder, roll, signal } = options;
  if (existsSync(folder) && existsSync(roll)) return;
  const unfinished = `${folder}.unfinished`;
  const unfinishedRoll = `${roll}.unfinished`;
  for (const path of [unfinished, unfinishedRoll, folder, roll])
    rmSync(path, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  mkdirSync(dirname(roll), { recursive: true, mode: 0o700 });
  await runScript(
    [
      'generate-hashes.ts',
      '--format',
      'txt',
      '--count',
      String(voters),
      '--out',
      unfinished,
      '--roll',
      unfinishedRoll,
    ],
    signal,
  );
  renameSync(unfinished, folder);
  renameSync(unfinishedRoll, roll);
}

function runScript([script, ...args]: [string, ...string[]], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(projectFolder, 'scripts', script), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString('utf8')).slice(-4_000);
      });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${script} failed (code ${code}):\n${output.trimEnd()}`)),
    );
  });
}
