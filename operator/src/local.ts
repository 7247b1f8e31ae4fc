/** The operator of one machine without a cluster: reconciles one Election file, as the operator does resources. */
import { electionDatabaseUrl } from '@scrutin/shared/election-urls.ts';
import { Health } from '@scrutin/shared/health.ts';
import { closeServer, createApp, mountErrors, mountProbes } from '@scrutin/shared/http.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { serveStage, startStage, stopStageOnSignal } from '@scrutin/shared/stage.ts';
import { VERSION } from '@scrutin/shared/version.ts';
import { settings } from './local/config.ts';
import { ReconcileLoop } from './local/reconcile-loop.ts';
import { volumeSource } from './local/volume-source.ts';
import { operatorMetrics, readingOf } from './operator-metrics.ts';
import { ElectionError, readElectionFile } from './read-election.ts';
import { serverPorts } from './server-ports.ts';

const { config, log } = startStage('operator', settings);

const election = await readElectionFile(config.ELECTION_FILE).catch((error: unknown) => {
  if (!(error instanceof ElectionError)) throw error;
  for (const problem of error.problems) log.fatal(`${config.ELECTION_FILE}: ${problem}`);
  process.exit(2);
});
const electionId = election.metadata.name;
const registry = createMetrics('operator', electionId, VERSION);
const metrics = operatorMetrics(registry, () => [readingOf(electionId, loop.status)]);
const ports = serverPorts({
  electionId,
  addresses: {
    redisUrl: config.REDIS_URL,
    redisClusterNodes: config.REDIS_CLUSTER_NODES,
    rabbitmqManagementUrl: config.RABBITMQ_MANAGEMENT_URL,
    rabbitmqUrl: config.RABBITMQ_URL,
    databaseUrl: electionDatabaseUrl(config.DATABASE_URL, electionId),
  },
  pepper: config.VOTER_PEPPER,
  openSource: (wanted) => volumeSource(wanted, config.VOLUMES),
  observer: metrics.observerOf(electionId),
  log,
});
const loop = new ReconcileLoop({
  electionFile: config.ELECTION_FILE,
  statusFile: config.STATUS_FILE,
  electionId,
  ports,
  resyncMs: config.RESYNC_MS,
  closingGraceMs: config.CLOSING_GRACE_MS,
  log,
  onReconciled: ({ failure }, seconds) =>
    metrics.reconciled(failure ? 'failed' : 'done', seconds, failure?.reason),
});

const health = new Health({
  stage: 'operator',
  electionId,
  version: VERSION,
  checks: {
    rabbitmq: () => ports.broker.ping(),
    redis: () => ports.electorate.ping(),
    postgres: () => ports.ledger.ping(),
    election: () => {
      const ready = loop.status?.conditions.find(({ type }) => type === 'Ready');
      if (ready?.status !== 'True') throw new Error(ready?.message ?? 'being prepared');
    },
  },
});
const app = createApp();
mountProbes(app, health, registry);
mountErrors(app, log);
const parts = { config, log, health };
const server = await serveStage(app, parts, 'operator works', { election: electionId });
loop.start();

stopStageOnSignal(parts, server, [
  { name: 'stop reconciling', run: () => loop.stop() },
  { name: 'close the connections', run: () => ports.close() },
  { name: 'close HTTP', run: () => closeServer(server) },
]);
