/**
 * `npm run test:cluster`: the images of this tree, a Kubernetes cluster of its own on this machine, KEDA, the operator
 * from its chart, and the tests that install elections there, vote in them and look at what becomes of it.
 */
import { join } from 'node:path';
import { Command } from 'commander';
import { installOperator } from './cluster/install-operator.ts';
import { hostPrograms } from './cluster/local/host-programs.ts';
import { LocalCluster } from './cluster/local/local-cluster.ts';
import { built } from './go-tools/build.ts';
import { HELM } from './go-tools/recipes.ts';
import { buildImages, exportImages } from './images/build-images.ts';
import { LOCAL_PREFIX, version } from './images/image-name.ts';
import { defaultFolder, lockFolder } from './servers/state.ts';
import { runCommand, Steps } from './stack/steps.ts';
import { TestRun } from './stack/test-run.ts';

const program = new Command('npm run test:cluster --')
  .description('Tests images, charts and KEDA on a Kubernetes cluster of its own on this machine.')
  .argument('[jest arguments...]', 'passed to jest: paths, -t name, --verbose, …')
  .option('--yes', 'install missing system packages without asking')
  .option('--keep', 'leave the cluster, and use the one that such a run has left')
  .allowUnknownOption()
  .parse();
const { yes = false, keep = false } = program.opts<{ yes?: boolean; keep?: boolean }>();

/** Prometheus is not needed, and large. */
const runsHere = (image: string): boolean => !image.includes('/prometheus:');

async function main(): Promise<number> {
  const folder = join(defaultFolder(), 'test-cluster');
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm run test:cluster runs already (process ${release}); two would share its cluster`);
  const steps = new Steps();
  const run = new TestRun();
  const cluster = new LocalCluster(join(folder, 'cluster'));
  try {
    if (!keep) await cluster.down(steps);
    // Packages first: two installations at once would be in each other's way.
    await hostPrograms(steps, yes);
    const { helm } = await built(HELM, steps);
    const images = { suite: 'trixie', prefix: LOCAL_PREFIX, tag: version, servers: true } as const;
    // Most of the cluster's start is waiting. Both must have ended before anything is removed.
    const [archives, started] = await Promise.allSettled([
      buildImages(images, steps).then(({ engine, images: all }) =>
        exportImages(engine, all.filter(runsHere), join(folder, 'images'), steps),
      ),
      cluster.up({ tell: steps, yes, keda: true }),
    ]);
    for (const part of [started, archives])
      if (part.status === 'rejected' && !run.interrupted) throw part.reason;
    if (!run.interrupted && archives.status === 'fulfilled') {
      await steps.step('Images for the node', () => cluster.loadImages(archives.value));
      const kubectl = await cluster.kubectl(steps);
      const kubeconfig = cluster.kubeconfig();
      await steps.step('Operator', () => installOperator({ helm, kubectl, kubeconfig }));
      const env = { ...process.env, KUBECONFIG: kubeconfig, KUBECTL: kubectl.program, HELM: helm };
      await run.jest(['--config', 'jest.cluster.config.mjs', ...program.args], { env, folder, alone: true });
    }
  } finally {
    if (keep) steps.note(`The cluster stays: KUBECONFIG=${join(folder, 'cluster/keys/admin.kubeconfig')}`);
    else await cluster.down(steps);
    release();
  }
  return run.summary();
}

await runCommand(main);
