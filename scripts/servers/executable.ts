import { accessSync, constants } from 'node:fs';

/** True if there is a file at the path that may be run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
