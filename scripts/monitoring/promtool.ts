import { findProgram } from '../servers/binaries.ts';

/**
 * Where Prometheus' `promtool` is, which checks and tests alert rules. Throws a sentence that says what to install
 * if it is nowhere.
 */
export function requirePromtool(find: typeof findProgram = findProgram): string {
  const promtool = find('promtool');
  if (promtool) return promtool;
  throw new Error(
    'promtool is missing: the alert rules can’t be checked. It comes with Prometheus: sudo apt-get install prometheus',
  );
}
