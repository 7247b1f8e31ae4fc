import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../servers/state.ts';

/** What stands before the images' names unless something else is asked for: no registry has them. */
export const LOCAL_PREFIX = 'localhost/scrutin';

/** The project's version, which images are tagged with. */
export const { version } = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as {
  version: string;
};

/** The name of an image, from that of its target or server. */
export const imageName = (name: string, prefix = LOCAL_PREFIX, tag = version): string =>
  `${prefix}/${name}:${tag}`;
