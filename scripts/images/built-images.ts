import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';
import type { Engine } from './engine.ts';

/** Where it is kept what an image was made of. A label won't do: an engine that has all layers leaves it as it was. */
const recordPath = (engine: Engine, image: string): string =>
  join(cacheFolder('images'), 'built', engine.name, encodeURIComponent(image));

/** True if the image that the engine has was made of what has this digest. */
export async function isCurrent(engine: Engine, image: string, inputs: string): Promise<boolean> {
  let recorded: string;
  try {
    recorded = readFileSync(recordPath(engine, image), 'utf8');
  } catch {
    return false;
  }
  const id = await engine.id(image);
  return id !== undefined && recorded === `${inputs} ${id}`;
}

/** Keeps what the image that was just built was made of. */
export async function remember(engine: Engine, image: string, inputs: string): Promise<void> {
  const path = recordPath(engine, image);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${inputs} ${await engine.id(image)}`);
}
