import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectFolder } from '../servers/state.ts';
import type { Steps } from '../stack/steps.ts';
import { buildDistribution } from './base-image.ts';
import { isCurrent, remember } from './built-images.ts';
import type { Suite } from './distribution.ts';
import type { Engine } from './engine.ts';
import { inputsDigest } from './inputs.ts';

const FOLDER = 'scripts/images/servers';
const CONTEXT = fileURLToPath(new URL('./servers', import.meta.url));

export const SERVERS = ['redis', 'rabbitmq', 'postgres', 'prometheus'] as const;

/** Builds the servers' images of the distribution's packages; resolves with their names. */
export async function buildServers(
  engine: Engine,
  suite: Suite,
  nameOf: (server: string) => string,
  steps: Steps,
): Promise<string[]> {
  const base = await buildDistribution(engine, suite, steps);
  const inputs = inputsDigest(projectFolder, [FOLDER], [base, (await engine.id(base)) ?? '']);
  const names = [];
  for (const server of SERVERS) {
    const name = nameOf(server);
    names.push(name);
    await steps.step(`Image ${server}`, async (detail, progress) => {
      if (await isCurrent(engine, name, inputs)) return detail('as it was');
      await engine.build(
        {
          context: CONTEXT,
          dockerfile: join(CONTEXT, 'Dockerfile'),
          target: server,
          name,
          arguments: { BASE: base },
          epoch: 0,
        },
        progress,
      );
      await remember(engine, name, inputs);
    });
  }
  return names;
}
