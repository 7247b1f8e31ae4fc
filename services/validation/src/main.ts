import { BatchConsumer } from '@scrutin/shared/batch-consumer.ts';
import { followElection } from '@scrutin/shared/election-source.ts';
import { ScrutinError } from '@scrutin/shared/errors.ts';
import { Health } from '@scrutin/shared/health.ts';
import { closeServer, createApp, mountErrors, mountProbes } from '@scrutin/shared/http.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { publishVotes } from '@scrutin/shared/publish-votes.ts';
import { Publisher } from '@scrutin/shared/publisher.ts';
import { connectRedis } from '@scrutin/shared/redis.ts';
import { RedisWatch } from '@scrutin/shared/redis-watch.ts';
import { serveStage, startStage, stopStageOnSignal } from '@scrutin/shared/stage.ts';
import { QUEUES, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { openTracing } from '@scrutin/shared/tracing.ts';
import { VERSION } from '@scrutin/shared/version.ts';
import {
  encodeVotes,
  MAX_VOTES_PER_MESSAGE,
  type PendingVote,
  pendingVoteSchema,
} from '@scrutin/shared/vote-message.ts';
import { settings } from './config.ts';
import { decideVotes } from './decide.ts';
import { slices, toDecidedVote } from './outcome.ts';
import { countDecisions, validationMetrics } from './validation-metrics.ts';

const { config, log } = startStage('validation', settings);
const tracing = await openTracing(config, 'validation', log);

const registry = createMetrics('validation', config.ELECTION_ID, VERSION);
const metrics = validationMetrics(registry, {
  queue: () => consumer.held,
  inFlight: () => publisher.inFlight,
  redisUp: () => redisWatch.up,
  rabbitmqUp: () => consumer.consuming && publisher.ready,
});
const redis = connectRedis({ url: config.REDIS_URL, clusterNodes: config.REDIS_CLUSTER_NODES, log });
const redisWatch = new RedisWatch(redis, metrics.redisCall);
const election = followElection(redis, config.ELECTION_ID, log, { watch: redisWatch });
const publisher = await Publisher.open({
  url: config.RABBITMQ_URL,
  name: `validation publisher ${process.pid}`,
  log,
  confirmTimeoutMs: config.CONFIRM_TIMEOUT_MS,
});

/**
 * Decides a batch and forwards the outcomes. Safe to repeat at every step: Redis gives the same ballots the
 * same decision (P3), and the tally knows a ballot that it has seen.
 */
async function validate(votes: PendingVote[]): Promise<void> {
  const published = election.current;
  if (!published) throw new ScrutinError('electorate-not-ready', 'the election is not prepared yet');
  const decideStart = performance.now();
  const decisions = await redisWatch.call('decide', () => decideVotes(redis, published, votes));
  metrics.decideSeconds.observe((performance.now() - decideStart) / 1000);
  tracing?.record(votes, { name: 'decide', start: decideStart, system: 'redis', operation: 'EVALSHA' });
  const decided = votes.map((vote, i) => toDecidedVote(vote, decisions[i]!));
  tracing?.pass(votes, decided);
  const publishStart = performance.now();
  await Promise.all(
    [...slices(decided, MAX_VOTES_PER_MESSAGE)].map((slice) =>
      publishVotes(
        publisher,
        ROUTING_KEYS.aggregation,
        { content: encodeVotes(slice), votes: slice },
        tracing,
      ),
    ),
  );
  metrics.confirmSeconds.observe((performance.now() - publishStart) / 1000);
  countDecisions(metrics, decisions);
  if (log.isLevelEnabled('debug'))
    for (const vote of decided)
      log.debug({ ballot_id: vote.ballot_id, outcome: vote.status, ...tracing?.idOf(vote) }, 'vote decided');
}

const consumer = await BatchConsumer.open({
  url: config.RABBITMQ_URL,
  name: `validation consumer ${process.pid}`,
  queue: QUEUES.validation,
  voteSchema: pendingVoteSchema,
  prefetch: config.PREFETCH,
  maxVotes: config.BATCH_MAX_VOTES,
  lingerMs: config.BATCH_LINGER_MS,
  handle: validate,
  review: publisher,
  log,
  tracing,
  onBatch: (votes, _messages, seconds) => {
    metrics.batchVotes.observe(votes);
    metrics.batchSeconds.observe(seconds);
  },
  onRetry: () => metrics.retries.inc(),
  onRejected: (count) => metrics.rejected.inc(count),
});

const health = new Health({
  stage: 'validation',
  electionId: config.ELECTION_ID,
  version: VERSION,
  checks: {
    rabbitmq: () => {
      if (!consumer.consuming || !publisher.ready)
        throw new Error('not connected, or its queues are not there');
    },
    redis: async () => {
      await redis.ping();
    },
    election: () => {
      if (!election.current) throw new Error('not prepared yet: the reconciler (npm run init) publishes it');
    },
  },
});
const app = createApp();
mountProbes(app, health, registry);
mountErrors(app, log);
const parts = { config, log, health };
const server = await serveStage(app, parts, 'validation works');

stopStageOnSignal(parts, server, [
  { name: 'finish the batch', run: () => consumer.stop() },
  { name: 'close RabbitMQ', run: () => publisher.close() },
  {
    name: 'close Redis',
    run: () => {
      election.stop();
      redis.disconnect();
    },
  },
  { name: 'close HTTP', run: () => closeServer(server) },
  { name: 'send the last spans', run: () => tracing?.close() },
]);
