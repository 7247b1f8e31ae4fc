/** `npm run images`: builds the images of the stages and the operator, with the container engine that is here. */
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { buildImages, exportImages, type ImageOptions, TARGET_NAMES } from './images/build-images.ts';
import { SUITES } from './images/distribution.ts';
import { ENGINES } from './images/engine.ts';
import { LOCAL_PREFIX, version } from './images/image-name.ts';
import type { TargetName } from './images/targets.ts';
import { runCommand, Steps } from './stack/steps.ts';

interface Options extends Omit<ImageOptions, 'targets'> {
  export?: string;
}

const program = new Command('npm run images --')
  .description('Builds the images of the stages and the operator.')
  .addArgument(new Argument('[targets...]', 'all by default').choices(TARGET_NAMES))
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
  .option('--prefix <prefix>', 'what stands before the images’ names', LOCAL_PREFIX)
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
  const { export: folder, ...options } = program.opts<Options>();
  const targets = program.args.length > 0 ? (program.args as TargetName[]) : TARGET_NAMES;
  const steps = new Steps();
  const { engine, images } = await buildImages({ ...options, targets }, steps);
  if (folder !== undefined) await exportImages(engine, images, folder, steps);
  for (const image of images) {
    const size = await engine.size(image);
    steps.note(`  ${image}${size === undefined ? '' : `  ${Math.round(size / 1e6)} MB`}`);
  }
  const next =
    folder === undefined
      ? 'docs/images.md tells how to run them; compose.yaml runs them all'
      : `ctr -n k8s.io images import ${join(folder, `${targets[0]}.tar`)}`;
  steps.note(`\nNext: ${next}`);
  return 0;
});
