import { readFileSync } from 'node:fs';

/** The project's version, from the package that this file belongs to. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
