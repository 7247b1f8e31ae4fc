import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder } from '../cache-folder.ts';
import { projectFolder } from '../servers/state.ts';
import type { Steps } from '../stack/steps.ts';
import { isCurrent, remember } from './built-images.ts';
import { distributionTar, npmFolder, type Suite } from './distribution.ts';
import type { Engine } from './engine.ts';
import { inputsDigest } from './inputs.ts';
import { installPackages } from './install-builders.ts';

const DOCKERFILE = fileURLToPath(new URL('./base/Dockerfile', import.meta.url));
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** The official image that the stages' images begin with. */
const OFFICIAL = 'node:24-slim';

const inputs = (): string => inputsDigest(projectFolder, ['scripts/images/base'], []);

/** The name of the image to build on: the official one, or where that can't be pulled one made here. */
export async function buildBase(engine: Engine, suite: Suite, steps: Steps): Promise<string> {
  const name = `localhost/scrutin/base-node:${suite}-${process.version}`;
  return steps.step('Base image', async (detail) => {
    if (await isCurrent(engine, name, inputs())) detail(`${name}, as it was`);
    else if (await engine.pull(OFFICIAL)) {
      detail(OFFICIAL);
      return OFFICIAL;
    } else {
      await buildFromDistribution(engine, suite, 'node', name, steps);
      detail(name);
    }
    return name;
  });
}

/** The distribution's smallest tree as an image. */
export async function buildDistribution(engine: Engine, suite: Suite, steps: Steps): Promise<string> {
  const name = `localhost/scrutin/base:${suite}`;
  if (!(await isCurrent(engine, name, inputs())))
    await buildFromDistribution(engine, suite, 'distribution', name, steps);
  return name;
}

async function buildFromDistribution(
  engine: Engine,
  suite: Suite,
  target: 'distribution' | 'node',
  name: string,
  steps: Steps,
): Promise<void> {
  if (!(await isInstalled('debootstrap'))) await installPackages(['debootstrap'], steps);
  const tar = await steps.step(`Debian ${suite}, smallest tree`, () => distributionTar(suite));
  const context = mkdtempSync(join(cacheFolder('images'), 'context-'));
  try {
    copyFileSync(tar, join(context, 'distribution.tar'));
    mkdirSync(join(context, 'npm'));
    if (target === 'node') {
      copyFileSync(realpathSync(join(projectFolder, 'node_modules/.bin/node')), join(context, 'node'));
      cpSync(await npmFolder(), join(context, 'npm'), { recursive: true, dereference: true });
      if (existsSync(CERTIFICATES)) copyFileSync(CERTIFICATES, join(context, 'certificates.crt'));
    }
    await engine.build({ context, dockerfile: DOCKERFILE, target, name, epoch: 0 });
    await remember(engine, name, inputs());
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

const isInstalled = (name: string): Promise<boolean> =>
  promisify(execFile)('sh', ['-c', `command -v ${name}`]).then(
    () => true,
    () => false,
  );
