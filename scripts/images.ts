/** `npm run images`: builds the images of the stages and the operator, with the container engine that is here. */
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { buildBase } from './images/base-image.ts';
import { isCurrent, remember } from './images/built-images.ts';
import { SUITES, type Suite } from './images/distribution.ts';
import { ENGINES, Engine, type EngineName } from './images/engine.ts';
import { INPUTS, inputsDigest, type Source, source } from './images/inputs.ts';
import { installBuilders } from './images/install-builders.ts';
import { buildServers } from './images/server-images.ts';
import { TARGETS, type TargetName } from './images/targets.ts';
import { userNpmrc } from './images/user-npmrc.ts';
import { projectFolder } from './servers/state.ts';
import { runCommand, Steps } from './stack/steps.ts';

interface Options {
  engine?: EngineName;
  base?: string;
  suite: Suite;
  prefix: string;
  tag: string;
  servers: boolean;
  export?: string;
}

const { version } = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as {
  version: string;
};
const names = Object.keys(TARGETS) as TargetName[];

const program = new Command('npm run images --')
  .description('Builds the images of the stages and the operator.')
  .addArgument(new Argument('[targets...]', 'all by default').choices(names))
  .addOption(new Option('--engine <name>', 'by default the first that works').choices([...ENGINES]))
  .option(
    '--base <image>',
    'image with Node 24 and npm (node:24-slim, or one of Debian’s packages where no registry is reached)',
  )
  .addOption(
    new Option('--suite <name>', 'Debian suite of images made of packages')
      .choices([...SUITES])
      .default('trixie'),
  )
  .option('--prefix <prefix>', 'what stands before the images’ names', 'localhost/scrutin')
  .option('--tag <tag>', 'the images’ tag', version)
  .option(
    '--servers',
    'also Redis, RabbitMQ, PostgreSQL and Prometheus of Debian’s packages, to try things out',
    false,
  )
  .option(
    '--export <folder>',
    'write each image to a file there: for ctr images import, podman load, docker load',
  )
  .parse();

await runCommand(async () => {
  const options = program.opts<Options>();
  const targets = program.args.length > 0 ? (program.args as TargetName[]) : names;
  const steps = new Steps();
  const engine =
    (await Engine.find(options.engine ? [options.engine] : ENGINES)) ?? (await installBuilders(steps));
  const from = source(projectFolder);
  const imageName = (name: string) => `${options.prefix}/${name}:${options.tag}`;

  const base = options.base ?? (await buildBase(engine, options.suite, steps));
  const built = [];
  for (const target of targets)
    built.push(await buildTarget(engine, target, base, imageName(target), from, steps));
  if (options.servers) built.push(...(await buildServers(engine, options.suite, imageName, steps)));
  if (options.export !== undefined) await exportImages(engine, built, options.export, steps);

  for (const image of built) {
    const size = await engine.size(image);
    steps.note(`  ${image}${size === undefined ? '' : `  ${Math.round(size / 1e6)} MB`}`);
  }
  const next =
    options.export === undefined
      ? 'docs/images.md tells how to run them; compose.yaml runs them all'
      : `ctr -n k8s.io images import ${join(options.export, `${targets[0]}.tar`)}`;
  steps.note(`\nNext: ${next}`);
  return 0;
});

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

async function exportImages(
  engine: Engine,
  images: readonly string[],
  folder: string,
  steps: Steps,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await steps.step('Archives', async (detail) => {
    for (const image of images) {
      const name = image.slice(image.lastIndexOf('/') + 1, image.lastIndexOf(':'));
      await engine.save(image, join(realpathSync(folder), `${name}.tar`));
    }
    detail(folder);
  });
}
