/**
 * `npm run test:charts`: the charts with every sample values file, linted, rendered, tested by helm-unittest, and sent to a
 * real API server, which checks each object without keeping it; then installed, upgraded and removed there, and checked by
 * kubeconform against that server's schemas.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { Checks, say, succeeded } from './charts/checks.ts';
import { checkConforming } from './charts/conform.ts';
import { foreignCrds } from './charts/foreign-crds.ts';
import { checkOnServer } from './charts/on-server.ts';
import { installations, nameOf } from './charts/rendered.ts';
import { testUnits } from './charts/units.ts';
import { built } from './go-tools/build.ts';
import { HELM, HELM_UNITTEST, KUBECONFORM } from './go-tools/recipes.ts';
import { kubeBinaries } from './kube-api/build-binaries.ts';
import { KubeServers } from './kube-api/kube-servers.ts';
import { runCommand, Steps } from './stack/steps.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

const { server } = new Command('npm run test:charts --')
  .description('Tests the charts with helm, helm-unittest and a Kubernetes API server.')
  .option('--no-server', 'leave the API server out: what is rendered is then not checked by Kubernetes')
  .parse()
  .opts<{ server: boolean }>();

await runCommand(async () => {
  const steps = new Steps();
  const { helm } = await built(HELM, steps);
  const { 'helm-unittest': unittest } = await built(HELM_UNITTEST, steps);
  const checks = new Checks();
  for (const installation of installations(PROJECT)) {
    const chart = join(PROJECT, 'charts', installation.chart);
    await checks.check(`lint: ${nameOf(installation)}`, async () => {
      succeeded(await say(helm, ['lint', '--strict', chart, ...installation.values]));
    });
  }
  for (const chart of ['scrutin-operator', 'scrutin'])
    await testUnits(checks, unittest, join(PROJECT, 'charts', chart));
  if (server) {
    const binaries = await kubeBinaries(steps);
    const { kubeconform } = await built(KUBECONFORM, steps);
    const crds = await steps.step(
      'Resources of KEDA, Prometheus, Gateway API, CloudNativePG and RabbitMQ',
      foreignCrds,
    );
    const servers = await steps.step('kube-apiserver and etcd', () => KubeServers.start(binaries));
    // Whoever ends this ends the servers, too.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(
        signal,
        () => void servers.stop().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143)),
      );
    const folder = mkdtempSync(join(tmpdir(), 'scrutin-schemas-'));
    try {
      const env = { KUBECONFIG: servers.kubeconfig() };
      const on = { helm, kubectl: binaries.kubectl, env, project: PROJECT };
      await checkOnServer(checks, { ...on, crds });
      await checkConforming(checks, { ...on, kubeconform, folder });
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await servers.stop();
    }
  }
  return checks.summary();
});
