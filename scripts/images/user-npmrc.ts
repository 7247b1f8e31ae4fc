import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The person's own npm settings, if there are any: a registry or a certificate that the build needs too. */
export function userNpmrc(): string | undefined {
  const path = process.env.NPM_CONFIG_USERCONFIG || join(homedir(), '.npmrc');
  return existsSync(path) ? path : undefined;
}
