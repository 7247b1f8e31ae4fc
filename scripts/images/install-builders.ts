import { fileURLToPath } from 'node:url';
import { install } from '../servers/packages.ts';
import type { Steps } from '../stack/steps.ts';
import { Engine } from './engine.ts';

const script = fileURLToPath(new URL('../servers/install-packages.sh', import.meta.url));

/** Installs packages of the distribution that building needs; says so. Throws if that can't be done. */
export async function installPackages(packages: readonly string[], steps: Steps): Promise<void> {
  await steps.step(`Packages ${packages.join(', ')}, installed`, async () => {
    const command = ['sh', script, '', ...packages];
    const failed = await install({
      packages: [...packages],
      command: process.getuid?.() === 0 ? command : ['sudo', ...command],
    });
    if (failed !== undefined) throw new Error(`They could not be installed:\n${failed}`);
  });
}

/** No engine is there: buildah needs none beside it. */
export async function installBuilders(steps: Steps): Promise<Engine> {
  await installPackages(['buildah'], steps);
  const engine = await Engine.find(['buildah']);
  if (!engine) throw new Error('Neither docker nor podman nor buildah works here');
  return engine;
}
