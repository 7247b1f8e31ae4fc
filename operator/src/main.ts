/** The operator on a cluster: one of its replicas leads and keeps every Election as its spec asks for. */
import { hostname } from 'node:os';
import { KubeConfig } from '@kubernetes/client-node';
import { Health } from '@scrutin/shared/health.ts';
import { closeServer, createApp, mountErrors, mountProbes } from '@scrutin/shared/http.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { serveStage, startStage, stopStageOnSignal } from '@scrutin/shared/stage.ts';
import { VERSION } from '@scrutin/shared/version.ts';
import { settings } from './kubernetes/config.ts';
import { Controller } from './kubernetes/controller.ts';
import { controllerMetrics } from './kubernetes/controller-metrics.ts';
import { ElectionPorts } from './kubernetes/election-ports.ts';
import { EventRecorder } from './kubernetes/events.ts';
import { Finalizer } from './kubernetes/finalizer.ts';
import { kubeClients } from './kubernetes/kube-clients.ts';
import { kubeElectionSource } from './kubernetes/kube-election-source.ts';
import { KubeLeaseStore } from './kubernetes/kube-lease-store.ts';
import { LeaseElector } from './kubernetes/lease-elector.ts';
import { LoadJobs } from './kubernetes/loader/load-jobs.ts';
import { applyEvent, applyToElection } from './kubernetes/server-side-apply.ts';
import { StatusWriter } from './kubernetes/status-writer.ts';
import { operatorMetrics, readingOf } from './operator-metrics.ts';

const { config, log } = startStage('operator', settings);

const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();
const clients = kubeClients(kubeConfig);
// A replica whose pod is restarted in place keeps its name, and is another process all the same.
const identity = `${config.POD_NAME ?? hostname()}_${process.pid}_${Date.now().toString(36)}`;

let controller: Controller | undefined;
const elector = new LeaseElector({
  store: new KubeLeaseStore(clients.coordination, config.LEASE_NAMESPACE, config.LEASE_NAME),
  identity,
  leaseDurationMs: config.LEASE_DURATION_MS,
  renewDeadlineMs: Math.round((config.LEASE_DURATION_MS * 2) / 3),
  retryPeriodMs: Math.round((config.LEASE_DURATION_MS * 2) / 15),
  log,
  lead: async (signal) => {
    const term = newTerm(signal);
    controller = term;
    await term.run(signal);
    controller = undefined;
  },
});

const registry = createMetrics('operator', '', VERSION);
const metrics = operatorMetrics(registry, () =>
  (controller?.elections() ?? []).map(({ metadata, status }) => readingOf(metadata.name, status)),
);
const observer = controllerMetrics(registry, metrics, {
  queueDepth: () => controller?.queueDepth ?? 0,
  working: () => controller?.working ?? 0,
  leading: () => elector.leading,
});

/** Everything anew for each term: what another leader did meanwhile is read, not remembered. */
function newTerm(signal: AbortSignal): Controller {
  const fence = () => {
    if (signal.aborted || !elector.leading) throw new Error('this process leads no more');
  };
  return new Controller({
    source: kubeElectionSource(clients, config.WATCH_NAMESPACE),
    ports: new ElectionPorts(
      clients,
      config.LOADER_IMAGE === undefined
        ? undefined
        : new LoadJobs(clients, {
            image: config.LOADER_IMAGE,
            pullSecrets: config.LOADER_IMAGE_PULL_SECRETS ?? [],
          }),
      log,
    ),
    status: new StatusWriter({
      fence,
      write: (election, status) => applyToElection(clients, election, { status }),
    }),
    finalizer: new Finalizer({
      holdMs: config.CLEANUP_TIMEOUT_MS,
      apply: (election, finalizers) => {
        fence();
        return applyToElection(clients, election, { finalizers });
      },
    }),
    events: new EventRecorder({ write: (event) => applyEvent(clients, event), identity, log }),
    fence,
    observer,
    workers: config.WORKERS,
    resyncMs: config.RESYNC_MS,
    closingGraceMs: config.CLOSING_GRACE_MS,
    log,
  });
}

const health = new Health({
  stage: 'operator',
  electionId: '',
  version: VERSION,
  checks: {
    kubernetes: async () => {
      // The lease is looked at all the time; a replica that can't is of no use.
      if (!elector.inTouch) throw new Error('the API server does not answer');
    },
  },
});
const app = createApp();
app.get('/healthz', (_request, response) => {
  response.type('text/plain').send('ok\n');
});
mountProbes(app, health, registry);
mountErrors(app, log);
const parts = { config, log, health };
const server = await serveStage(app, parts, 'operator works', { identity });
elector.start();

stopStageOnSignal(parts, server, [
  { name: 'stop leading and give the lease back', run: () => elector.stop() },
  { name: 'close HTTP', run: () => closeServer(server) },
]);
