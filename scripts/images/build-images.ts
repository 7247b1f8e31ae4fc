import { mkdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { projectFolder } from '../servers/state.ts';
import type { Steps } from '../stack/steps.ts';
import { buildBase } from './base-image.ts';
import { isCurrent, remember } from './built-images.ts';
import type { Suite } from './distribution.ts';
import { ENGINES, Engine, type EngineName } from './engine.ts';
import { imageName, version } from './image-name.ts';
import { INPUTS, inputsDigest, type Source, source } from './inputs.ts';
import { installBuilders } from './install-builders.ts';
import { buildServers } from './server-images.ts';
import { TARGETS, type TargetName } from './targets.ts';
import { userNpmrc } from './user-npmrc.ts';

export const TARGET_NAMES = Object.keys(TARGETS) as TargetName[];

export interface ImageOptions {
  /** By default the first that works. */
  engine?: EngineName;
  targets?: readonly TargetName[];
  /** Image with Node 24 and npm; by default the official one, or one of Debian's packages. */
  base?: string;
  suite: Suite;
  prefix: string;
  tag: string;
  /** Also Redis, RabbitMQ, PostgreSQL and Prometheus. */
  servers: boolean;
}

/** Builds images with the engine that is here; resolves with it and their names. What is as it was is not built again. */
export async function buildImages(
  options: ImageOptions,
  steps: Steps,
): Promise<{ engine: Engine; images: string[] }> {
  const { targets = TARGET_NAMES, suite, prefix, tag } = options;
  const engine =
    (await Engine.find(options.engine ? [options.engine] : ENGINES)) ?? (await installBuilders(steps));
  const from = source(projectFolder);
  const nameOf = (name: string) => imageName(name, prefix, tag);
  const base = options.base ?? (await buildBase(engine, suite, steps));
  const images: string[] = [];
  for (const target of targets)
    images.push(await buildTarget(engine, target, base, nameOf(target), from, steps));
  if (options.servers) images.push(...(await buildServers(engine, suite, nameOf, steps)));
  return { engine, images };
}

/** Builds a target unless the image of the same sources is there. */
async function buildTarget(
  engine: Engine,
  target: TargetName,
  base: string,
  name: string,
  { revision, epoch }: Source,
  steps: Steps,
): Promise<string> {
  await steps.step(`Image ${target}`, async (detail, progress) => {
    const inputs = inputsDigest(projectFolder, INPUTS, [target, base, (await engine.id(base)) ?? '']);
    if (await isCurrent(engine, name, inputs)) return detail('as it was');
    await engine.build(
      {
        context: projectFolder,
        dockerfile: join(projectFolder, 'Dockerfile'),
        target,
        name,
        arguments: {
          BASE: base,
          VERSION: version,
          REVISION: revision,
          CREATED: new Date(epoch * 1_000).toISOString(),
        },
        epoch,
        npmrc: userNpmrc(),
      },
      progress,
    );
    await remember(engine, name, inputs);
  });
  return name;
}

/** Writes each image to `folder/<its short name>.tar`; resolves with these files. */
export async function exportImages(
  engine: Engine,
  images: readonly string[],
  folder: string,
  steps: Steps,
): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  return steps.step('Archives', async (detail) => {
    const files: string[] = [];
    for (const image of images) {
      const file = join(realpathSync(folder), `${basename(image).replace(/:[^:]*$/, '')}.tar`);
      await engine.save(image, file);
      files.push(file);
    }
    detail(folder);
    return files;
  });
}
