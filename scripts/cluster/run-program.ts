import { spawn } from 'node:child_process';

export interface Said {
  code: number;
  out: string;
  err: string;
}

export interface RunOptions {
  /** What it reads from its standard input. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** Runs a program to its end. Rejects only if it can't be started. */
export function run(
  program: string,
  args: readonly string[],
  { input = '', env = process.env, cwd }: RunOptions = {},
): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code: code ?? 128, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }),
    );
    // Who doesn't read it has said why in its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** The same, for what must succeed: resolves with its output, rejects with what it said. */
export async function must(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, out, err } = await run(program, args, options);
  if (code !== 0)
    throw new Error(
      `${program} ${args.slice(0, 3).join(' ')} … failed (${code}):\n${(err || out).trimEnd()}`,
    );
  return out;
}

/** Runs a program on this terminal; resolves with its exit code. */
export function onTerminal(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: 'inherit' });
    // The terminal sends it a Ctrl-C too; it decides what that means.
    const wait = () => {};
    process.on('SIGINT', wait);
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('SIGINT', wait);
      resolve(code ?? 128);
    });
  });
}
