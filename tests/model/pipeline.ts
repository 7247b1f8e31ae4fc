import { BatchConsumer } from '@scrutin/shared/batch-consumer.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { Publisher } from '@scrutin/shared/publisher.ts';
import type { RedisConnection } from '@scrutin/shared/redis.ts';
import { sendToReview } from '@scrutin/shared/review.ts';
import { QUEUES, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import {
  type DecidedVote,
  decidedVoteSchema,
  encodeVotes,
  type PendingVote,
  pendingVoteSchema,
} from '@scrutin/shared/vote-message.ts';
import { pepperId } from '@scrutin/shared/voter-hash.ts';
import type pg from 'pg';
import { Electorate } from '../../operator/src/electorate/electorate.ts';
import { loadElectorate } from '../../operator/src/electorate/load-electorate.ts';
import { Ledger } from '../../operator/src/ledger/ledger.ts';
import type { ElectoratePort, Ports } from '../../operator/src/reconcile/ports.ts';
import { prepareElectorate } from '../../operator/src/reconcile/prepare-electorate.ts';
import { tally } from '../../services/aggregation/src/tally.ts';
import { toPendingVote } from '../../services/ingestion/src/accept-vote.ts';
import { VoteBatcher } from '../../services/ingestion/src/vote-batcher.ts';
import { decideVotes } from '../../services/validation/src/decide.ts';
import { slices, toDecidedVote } from '../../services/validation/src/outcome.ts';
import type { Breakage } from './breakages.ts';
import { LAWS, PEOPLE, PEPPER, published, resource, SOURCE } from './electorate-of-model.ts';
import type { Submission } from './history.ts';
import type { SimPostgres } from './sim-postgres.ts';
import type { SimRedis } from './sim-redis.ts';

/** The processes of the pipeline: each stage's own modules, put together as its `main.ts` does. */

const silent = createLog({
  stage: 'model',
  level: 'silent',
  format: 'json',
});
const connection = { url: 'amqp://simulated', name: 'model', log: silent, confirmTimeoutMs: 10_000 };

/** Few votes a message and a batch, so that they are torn apart in every way. */
const MOST_VOTES = 2;

/** A process that can be asked to end in order. */
export interface Running {
  stop(): Promise<void>;
}

export interface Ingestion extends Running {
  /** Resolves with the ballot's id when the client is answered with 202; `sent` is told it beforehand. */
  take(submission: Submission, now: number, sent: (ballotId: string) => void): Promise<string>;
}

export async function startIngestion(shards: number, { publishVotes }: Breakage): Promise<Ingestion> {
  const publisher = await Publisher.open(connection);
  const publish = (content: Buffer) => publisher.publish(ROUTING_KEYS.validation, content);
  const batcher = new VoteBatcher({
    publish: publishVotes?.(publish) ?? publish,
    maxVotes: MOST_VOTES,
    lingerMs: 2,
    maxPending: 100,
  });
  return {
    take: async ({ person, law, choice, key }, now, sent) => {
      const { nas, code } = PEOPLE[person]!;
      const vote = toPendingVote(
        {
          body: { nas, code, law_id: LAWS[law], vote: choice },
          idempotencyKey: key === undefined ? undefined : `key-${key}`,
          client: () => ({ ip: undefined, userAgent: undefined }),
          now,
        },
        published(shards),
        PEPPER,
      );
      sent(vote.ballot_id);
      await batcher.add(vote);
      return vote.ballot_id;
    },
    stop: async () => {
      await batcher.flush();
      await publisher.close();
    },
  };
}

export async function startValidation(
  redis: RedisConnection,
  shards: number,
  { handle = (work) => work, publishOutcomes }: Breakage,
): Promise<Running> {
  const election = published(shards);
  const publisher = await Publisher.open(connection);
  const publish = (content: Buffer) => publisher.publish(ROUTING_KEYS.aggregation, content);
  const forward = publishOutcomes?.(publish) ?? publish;
  const validate = async (votes: PendingVote[]) => {
    const decisions = await decideVotes(redis, election, votes);
    const decided = votes.map((vote, i) => toDecidedVote(vote, decisions[i]!));
    await Promise.all([...slices(decided, MOST_VOTES)].map((slice) => forward(encodeVotes(slice))));
  };
  const consumer = await BatchConsumer.open({
    ...connection,
    queue: QUEUES.validation,
    voteSchema: pendingVoteSchema,
    prefetch: 3,
    maxVotes: MOST_VOTES,
    lingerMs: 0,
    handle: handle(validate),
    review: publisher,
  });
  return {
    stop: async () => {
      await consumer.stop();
      await publisher.close();
    },
  };
}

export async function startAggregation(
  pool: pg.Pool,
  { handle = (work) => work }: Breakage,
): Promise<Running> {
  const publisher = await Publisher.open(connection);
  const aggregate = (votes: DecidedVote[]) =>
    tally(votes, {
      pool,
      review: (vote, reason) => sendToReview(publisher, { queue: QUEUES.aggregation, vote, reason }),
      log: silent,
    });
  const consumer = await BatchConsumer.open({
    ...connection,
    queue: QUEUES.aggregation,
    voteSchema: decidedVoteSchema,
    prefetch: 3,
    maxVotes: 2 * MOST_VOTES,
    lingerMs: 0,
    handle: handle(aggregate),
    review: publisher,
  });
  return {
    stop: async () => {
      await consumer.stop();
      await publisher.close();
    },
  };
}

/** The operator's look at the electorate: true if it had to be loaded. */
export async function lookAtElectorate(
  redis: RedisConnection,
  pool: pg.Pool,
  shards: number,
  { marks = true }: Breakage,
): Promise<boolean> {
  const electorate = new Electorate(redis, 'model');
  const ledger = new Ledger(pool);
  const port: Pick<ElectoratePort, 'sound' | 'sourceDigest' | 'load'> = {
    sound: async () => {
      const { state, layout, eligible, processed, errors, source, pepperId: id } = await electorate.state();
      if (state !== 'ready' || !layout || !(await electorate.audit()).ok) return undefined;
      return {
        layout,
        processed,
        errors,
        unique: eligible,
        duplicates: processed - eligible,
        ownPepper: id === pepperId(PEPPER),
        ...(source !== undefined && { source }),
      };
    },
    sourceDigest: () => SOURCE.digest(),
    load: async (_, options) => {
      const { errorSamples: _samples, ...loaded } = await loadElectorate({
        electorate,
        source: SOURCE,
        pepper: PEPPER,
        shards,
        batchSize: 2,
        ...(marks && { marks: options.marks }),
      });
      return { ...loaded, samples: [] };
    },
  };
  const ports = {
    electorate: port,
    ledger: { participants: () => ledger.participants() },
  } as unknown as Ports;
  const prepared = await prepareElectorate(resource(shards), ports, {
    known: await SOURCE.digest(),
    fixed: () => true,
    beforeReplacing: async () => {},
    verifySource: false,
  });
  return prepared.loaded;
}

export const asRedis = (redis: SimRedis, client: Parameters<SimRedis['connect']>[0]): RedisConnection =>
  redis.connect(client) as unknown as RedisConnection;
export const asPool = (postgres: SimPostgres, client: Parameters<SimPostgres['pool']>[0]): pg.Pool =>
  postgres.pool(client) as unknown as pg.Pool;
