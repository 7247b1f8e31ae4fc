import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Choice } from '@scrutin/shared/choice.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Elector, PlannedVote } from '../../load-tests/plan-votes.ts';
import type { ElectionStatus } from '../../operator/src/election-resource.ts';
import { Ledger } from '../../operator/src/ledger/ledger.ts';
import { readStatus } from '../../operator/src/local/status-file.ts';
import { volumeSource } from '../../operator/src/local/volume-source.ts';
import { readElectionFile } from '../../operator/src/read-election.ts';
import { removeElection } from '../../operator/src/reconcile/remove-election.ts';
import { serverPorts } from '../../operator/src/server-ports.ts';
import { type CastVote, castVotes } from '../support/cast-votes.ts';
import { ElectionUnderTest } from '../support/election-under-test.ts';
import { PrivateServers } from '../support/private-servers.ts';
import { allRecorded, tallied, withDatabase } from '../support/tally-check.ts';

export const LAW = 'loi-1';
/** The machine may be busy; a drill that works takes seconds. */
const PATIENCE_MS = 120_000;

/** An open election on servers of its own, which lose what a drill wants lost. */
export class DrilledElection {
  readonly servers: PrivateServers;
  readonly election: ElectionUnderTest;
  #taken = 0;

  private constructor(servers: PrivateServers, election: ElectionUnderTest) {
    this.servers = servers;
    this.election = election;
  }

  static async start(voters: number): Promise<DrilledElection> {
    const servers = await PrivateServers.start();
    try {
      const election = await ElectionUnderTest.start({
        urls: servers.urls,
        voters,
        laws: [LAW],
        validations: 1,
        aggregations: 1,
        readyMs: PATIENCE_MS,
      });
      return new DrilledElection(servers, election);
    } catch (error) {
      await servers.stop();
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.election.stop();
    await this.servers.stop();
    this.election.discardFolder();
  }

  /** Electors who have not voted yet. */
  newcomers(count: number): Elector[] {
    const from = this.#taken;
    this.#taken += count;
    if (this.#taken > this.election.electors.length) throw new RangeError('the roll has no more electors');
    return this.election.electors.slice(from, this.#taken);
  }

  /** Casts a ballot of each, new ones every time; each is sent until there is an answer. */
  cast(electors: readonly Elector[], choice: Choice, onAnswer?: (done: number) => void): Promise<CastVote[]> {
    const votes = electors.map(
      ({ nas, code }, elector): PlannedVote => ({
        ...{ kind: 'valid', lawId: LAW, choice, elector },
        body: JSON.stringify({ nas, code, law_id: LAW, vote: choice }),
      }),
    );
    const options = { lanes: 16, retryForMs: PATIENCE_MS, ...(onAnswer && { onAnswer }) };
    return castVotes(this.election.ingestion.url, votes, options);
  }

  /** Casts a ballot of each, waits until they are recorded, and tells how many have each status. */
  async outcomes(electors: readonly Elector[], choice: Choice): Promise<Record<string, number>> {
    const history = await this.cast(electors, choice);
    const statuses = await allRecorded(this.election.databaseUrl, history, PATIENCE_MS);
    const outcomes: Record<string, number> = {};
    for (const { ballotId } of history) {
      const status = statuses.get(ballotId ?? '') ?? 'refused';
      outcomes[status] = (outcomes[status] ?? 0) + 1;
    }
    return outcomes;
  }

  /** Votes counted. */
  async counted(): Promise<number> {
    const { oui, non } = (await withDatabase(this.election.databaseUrl, tallied))[LAW] ?? { oui: 0, non: 0 };
    return oui + non;
  }

  invariants(): Promise<{ ok: boolean; problems: string[] }> {
    const pool = new pg.Pool({ connectionString: this.election.databaseUrl, max: 1 });
    return new Ledger(pool).invariants().finally(() => pool.end());
  }

  /** Ballots that the ledger has a row of. */
  recorded(): Promise<number> {
    return withDatabase(this.election.databaseUrl, async (client) => {
      const { rows } = await client.query<{ n: number }>('select count(*)::int as n from vote_audit');
      return rows[0]!.n;
    });
  }

  /** What ingestion has answered with 202 since it started, by its own counter. */
  async accepted(): Promise<number> {
    const answer = await fetch(`${this.election.ingestion.url}/metrics`);
    return Number(/^scrutin_votes_accepted_total\{.*\} (\d+)$/m.exec(await answer.text())?.[1] ?? 0);
  }

  /** Marks of voters in Redis. */
  async marks(): Promise<number> {
    const redis = new Redis(this.servers.urls.REDIS_URL);
    try {
      const keys = await redis.keys(`${redisKeys.voted(this.election.id, 0, LAW)}*`);
      const sizes = await Promise.all(keys.map((key) => redis.hlen(key)));
      return sizes.reduce((sum, size) => sum + size, 0);
    } finally {
      redis.disconnect();
    }
  }

  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    return until(what, async () => (await holds()) === true, PATIENCE_MS);
  }

  /** Resolves once the operator says so in its status. */
  async untilStatus(what: string, holds: (status: ElectionStatus) => boolean): Promise<void> {
    await this.until(what, async () => {
      const status = await readStatus(join(this.election.folder, 'status.json'));
      return status !== undefined && holds(status);
    });
  }

  untilReady(): Promise<void> {
    return this.untilStatus('the election is ready', ({ phase, conditions }) => {
      return phase === 'Open' && conditions.every(({ status }) => status === 'True');
    });
  }

  untilReason(reason: string): Promise<void> {
    return this.untilStatus(reason, ({ conditions }) =>
      conditions.some((condition) => condition.type === 'Ready' && condition.reason === reason),
    );
  }

  async stagesReady(): Promise<void> {
    await Promise.all(this.election.stages.map((stage) => stage.ready(PATIENCE_MS)));
  }

  /** How often the operator has told of something with this reason. */
  told(reason: string): number {
    const log = readFileSync(join(this.election.folder, 'operator.log'), 'utf8');
    return log.split(`"reason":"${reason}"`).length - 1;
  }

  forgetStatus(): void {
    rmSync(join(this.election.folder, 'status.json'));
  }

  /** What the operator does when the Election is deleted. */
  async deleteElection(): Promise<void> {
    const { election, servers } = this;
    const ports = serverPorts({
      electionId: election.id,
      addresses: {
        redisUrl: servers.urls.REDIS_URL,
        rabbitmqManagementUrl: servers.urls.RABBITMQ_MANAGEMENT_URL,
        databaseUrl: election.databaseUrl,
      },
      pepper: pepperFromHex(election.pepper),
      openSource: (resource) => volumeSource(resource, join(election.folder, 'volumes')),
      log: createLog({ stage: 'test', level: 'silent' }),
    });
    await removeElection(await readElectionFile(join(election.folder, 'election.json')), ports).finally(() =>
      ports.close(),
    );
  }
}
