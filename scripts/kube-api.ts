/** `npm run kube-api`: a Kubernetes API server and etcd of one's own, without nodes; for a look at the Election resource. */
import { kubeBinaries } from './kube-api/build-binaries.ts';
import { KubeServers } from './kube-api/kube-servers.ts';
import { runCommand, Steps } from './stack/steps.ts';

await runCommand(async () => {
  // Heard from the beginning, so that what is being started is stopped too.
  const asked = new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  const steps = new Steps();
  const binaries = await kubeBinaries(steps);
  const servers = await steps.step('kube-apiserver and etcd', async (detail) => {
    const started = await KubeServers.start(binaries);
    detail(started.url);
    return started;
  });
  steps.note(`  export KUBECONFIG=${servers.kubeconfig()}`);
  steps.note(`  ${binaries.kubectl} apply -f operator/crd/`);
  steps.note('Ctrl-C stops both and removes their data.');
  await asked;
  await servers.stop();
  return 0;
});
