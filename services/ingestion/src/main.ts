import { followElection } from '@scrutin/shared/election-source.ts';
import { Health } from '@scrutin/shared/health.ts';
import { closeServer, createApp, mountErrors, mountProbes } from '@scrutin/shared/http.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { publishVotes } from '@scrutin/shared/publish-votes.ts';
import { Publisher } from '@scrutin/shared/publisher.ts';
import { connectRedis } from '@scrutin/shared/redis.ts';
import { RedisWatch } from '@scrutin/shared/redis-watch.ts';
import { serveStage, startStage, stopStageOnSignal } from '@scrutin/shared/stage.ts';
import { ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { openTracing } from '@scrutin/shared/tracing.ts';
import { VERSION } from '@scrutin/shared/version.ts';
import { settings } from './config.ts';
import { ingestionMetrics } from './ingestion-metrics.ts';
import { mountDocs } from './openapi.ts';
import { limitRate } from './rate-limit.ts';
import { VoteBatcher } from './vote-batcher.ts';
import { voteDoor } from './vote-door.ts';
import { voteRoute } from './vote-route.ts';

const { config, log } = startStage('ingestion', settings);
const tracing = await openTracing(config, 'ingestion', log);

const registry = createMetrics('ingestion', config.ELECTION_ID, VERSION);
const redis = connectRedis({ url: config.REDIS_URL, clusterNodes: config.REDIS_CLUSTER_NODES, log });
const publisher = await Publisher.open({
  url: config.RABBITMQ_URL,
  name: `ingestion ${process.pid}`,
  log,
  confirmTimeoutMs: config.CONFIRM_TIMEOUT_MS,
});
const batcher = new VoteBatcher({
  publish: (content, votes) => publishVotes(publisher, ROUTING_KEYS.validation, { content, votes }, tracing),
  maxVotes: config.BATCH_MAX_VOTES,
  lingerMs: config.BATCH_LINGER_MS,
  maxPending: config.MAX_PENDING_VOTES,
  onMessage: (votes, seconds) => {
    metrics.messageVotes.observe(votes);
    metrics.confirmSeconds.observe(seconds);
  },
});
const metrics = ingestionMetrics(registry, {
  waiting: () => door.waiting,
  pending: () => batcher.pending,
  inFlight: () => publisher.inFlight,
  redisUp: () => redisWatch.up,
  rabbitmqUp: () => publisher.ready,
});
const redisWatch = new RedisWatch(redis, metrics.redisCall);
const election = followElection(redis, config.ELECTION_ID, log, {
  watch: redisWatch,
  pepper: config.VOTER_PEPPER,
});
const health = new Health({
  stage: 'ingestion',
  electionId: config.ELECTION_ID,
  version: VERSION,
  checks: {
    rabbitmq: () => {
      if (!publisher.ready) throw new Error('not connected, not set up, or short of memory or disk');
    },
    election: () => {
      if (!election.current)
        throw new Error(election.refusal ?? 'not prepared yet: the reconciler (npm run init) publishes it');
    },
  },
});

const app = createApp();
app.set(
  'trust proxy',
  /^\d+$/.test(config.TRUST_PROXY) ? Number(config.TRUST_PROXY) : config.TRUST_PROXY.split(','),
);
app.use(
  voteRoute({
    election: () => election.current,
    taking: () => publisher.ready,
    batcher,
    pepper: config.VOTER_PEPPER,
    resultsUrl: config.RESULTS_URL,
    metrics,
    log,
    tracing,
    rateLimit:
      config.RATE_LIMIT_PER_MINUTE === 0
        ? undefined
        : limitRate({
            perMinute: config.RATE_LIMIT_PER_MINUTE,
            redis: config.RATE_LIMIT_STORE === 'redis' ? redis : undefined,
            watch: redisWatch,
            electionId: config.ELECTION_ID,
            key: config.VOTER_PEPPER,
            onRefused: () => {
              metrics.refused.inc({ reason: 'rate-limited' });
              log.debug({ reason: 'rate-limited' }, 'vote refused');
            },
          }),
  }),
);
mountProbes(app, health, registry);
mountDocs(app);
mountErrors(app, log);

const parts = { config, log, health };
const door = voteDoor({
  app,
  metrics,
  maxWaitMs: config.MAX_WAIT_MS,
  room: () => config.MAX_PENDING_VOTES - batcher.pending,
  ready: () => health.ready,
});
const server = await serveStage(door.listener, parts, 'ingestion takes votes');
door.stand(server);

stopStageOnSignal(parts, server, [
  // Votes that still arrive on open connections are taken: each gets its answer, and then no more come.
  { name: 'finish requests', run: () => closeServer(server) },
  { name: 'confirm what was taken', run: () => batcher.flush() },
  { name: 'close RabbitMQ', run: () => publisher.close() },
  {
    name: 'close Redis',
    run: () => {
      election.stop();
      redis.disconnect();
    },
  },
  { name: 'send the last spans', run: () => tracing?.close() },
]);
