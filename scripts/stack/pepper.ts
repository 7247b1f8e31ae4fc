import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import type { StateFile } from '../servers/state.ts';

/**
 * The file of the election's secret pepper (P4), made once, 0600. Who loses it can't recognise a voter any
 * more, so it is kept beside the data that it belongs to.
 */
export function pepperFile(file: StateFile): string {
  const path = file.path('pepper');
  if (!existsSync(path))
    writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return path;
}
