/**
 * A process that stands for election, for the test of the hand-over: `node candidate.ts <identity> <lease ms>`, with KUBECONFIG. It
 * says on its output, a line each, `leads` and `leads no more`. SIGTERM has it give the lease back.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { createLog } from '@scrutin/shared/log.ts';
import { kubeClients } from '../../src/kubernetes/kube-clients.ts';
import { KubeLeaseStore } from '../../src/kubernetes/kube-lease-store.ts';
import { LeaseElector } from '../../src/kubernetes/lease-elector.ts';

const config = new KubeConfig();
config.loadFromFile(process.env.KUBECONFIG!);
const leaseDurationMs = Number(process.argv[3]);
const elector = new LeaseElector({
  store: new KubeLeaseStore(kubeClients(config, 2_000).coordination, 'default', 'hand-over'),
  identity: process.argv[2]!,
  leaseDurationMs,
  renewDeadlineMs: leaseDurationMs - 1_000,
  retryPeriodMs: 300,
  log: createLog({ stage: 'test', level: 'silent' }),
  lead: (signal) =>
    new Promise((resolve) => {
      process.stdout.write('leads\n');
      signal.addEventListener('abort', () => {
        process.stdout.write('leads no more\n');
        resolve();
      });
    }),
});
elector.start();
process.once('SIGTERM', () => void elector.stop().then(() => process.exit(0)));
