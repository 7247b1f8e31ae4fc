import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { isExecutable } from './executable.ts';
import type { ServerName } from './state.ts';

/** The distribution's package of each server (Debian, Ubuntu). */
const PACKAGES: Record<ServerName, string> = {
  redis: 'redis-server',
  rabbitmq: 'rabbitmq-server',
  postgres: 'postgresql',
};

const script = fileURLToPath(new URL('./install-packages.sh', import.meta.url));

export interface Installation {
  packages: string[];
  /** The program and arguments that install them. */
  command: string[];
}

/** How the missing servers can be installed here, or undefined: no apt-get, or neither root nor sudo. */
export function planInstallation(
  names: readonly ServerName[],
  path = process.env.PATH ?? '',
): Installation | undefined {
  return planPackages(
    names.map((name) => PACKAGES[name]),
    path,
  );
}

/** The same for any packages of the distribution. */
export function planPackages(
  packages: readonly string[],
  path = process.env.PATH ?? '',
): Installation | undefined {
  const has = (program: string) =>
    [...path.split(':'), '/usr/bin', '/usr/sbin']
      .filter(Boolean)
      .some((folder) => isExecutable(`${folder}/${program}`));
  if (!has('apt-get')) return undefined;
  const install = ['sh', script, '', ...packages];
  const plan = { packages: [...packages] };
  if (process.getuid?.() === 0) return { ...plan, command: install };
  return has('sudo') ? { ...plan, command: ['sudo', ...install] } : undefined;
}

/** What a person can type to have the servers. */
export const installCommand = (names: readonly ServerName[]): string =>
  `sudo apt-get install ${names.map((name) => PACKAGES[name]).join(' ')}`;

/** Asks on the terminal whether to go on. True without a terminal, or when `yes` was given. */
export async function agreed(question: string, yes: boolean): Promise<boolean> {
  if (yes || !process.stdin.isTTY || !process.stdout.isTTY) return true;
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await reader.question(`${question} [Y/n] `);
    return !/^\s*n/i.test(answer);
  } catch {
    return false;
  } finally {
    reader.close();
  }
}

/** Runs the installation. Resolves with undefined, or with the end of its output if it failed. */
export function install({ command }: Installation): Promise<string | undefined> {
  const [program, ...args] = command as [string, ...string[]];
  return new Promise((resolve) => {
    // sudo may ask for the password on the terminal; the output is shown only if something went wrong.
    const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    // A Ctrl-C ends apt-get, then the script puts things back; this process waits for that.
    const wait = () => {};
    process.on('SIGINT', wait);
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => {
      process.off('SIGINT', wait);
      const text = Buffer.concat(output).toString('utf8').trimEnd();
      resolve(code === 0 ? undefined : text.split('\n').slice(-15).join('\n') || `exit code ${code}`);
    });
  });
}
