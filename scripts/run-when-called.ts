import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Runs a script's `main` with the command line if the script was called, and not imported; its result becomes
 * the exit code.
 */
export function runWhenCalled(
  meta: { url: string },
  main: (args: readonly string[]) => Promise<number>,
): void {
  const called = process.argv[1];
  if (called === undefined || realpathSync(called) !== fileURLToPath(meta.url)) return;
  void main(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}
