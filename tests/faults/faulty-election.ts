import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import type { VoteStatus } from '@scrutin/shared/status.ts';
import type { Elector } from '../../load-tests/plan-votes.ts';
import { ElectionUnderTest } from '../support/election-under-test.ts';
import { sendSignal } from '../support/process-tree.ts';
import { removeElection } from '../support/remove-election.ts';
import { check } from './check.ts';
import { readEndState } from './end-state.ts';
import type { History } from './history.ts';
import { Review } from './review.ts';
import { Routes } from './routes.ts';
import { type Scene, STAGES } from './scene.ts';
import type { FaultServers } from './servers.ts';
import { drained, settle } from './settle.ts';

/** A round's electors; the next round has the next ones. */
const ELECTORS_A_ROUND = 1_000;
/** The last ones never vote: what comes of their incomplete requests is none of any round's. */
const SPARE_ELECTORS = 500;

/** A start is no part of a round; on a busy machine eight processes take their time. Milliseconds. */
const START_LIMIT_MS = 300_000;

/**
 * Once everything is repaired, so long may it take until all is ready, and every accepted vote counted: on a busy machine
 * many times what it takes on a quiet one. Milliseconds.
 */
const READY_LIMIT_MS = 300_000;
const SETTLE_LIMIT_MS = 300_000;

/**
 * Time limits shorter than their defaults, so that a round need not be long to see what follows them; and no line
 * a vote in the logs, which are searched after each round.
 */
const SETTINGS = { LOG_LEVEL: 'info', CONFIRM_TIMEOUT_MS: '2000', STATEMENT_TIMEOUT_MS: '5000' };

/** An election with proxies at every connection, and all that its clients have seen, over one round or more. */
export class FaultyElection {
  readonly election: ElectionUnderTest;
  readonly servers: FaultServers;
  readonly routes: Routes;
  /** Ingestion's address as clients have it. */
  readonly url: string;
  readonly history: History = { attempts: [], statuses: [], counts: [] };
  readonly poison = new Set<string>();
  readonly begunAt = performance.now();
  readonly #review: Review;
  #rounds = 0;
  readonly #mostRounds: number;
  readonly #statuses = new Map<string, VoteStatus>();

  private constructor(
    election: ElectionUnderTest,
    servers: FaultServers,
    routes: Routes,
    url: string,
    mostRounds: number,
  ) {
    this.election = election;
    this.servers = servers;
    this.routes = routes;
    this.url = url;
    this.#mostRounds = mostRounds;
    this.#review = new Review(electionRabbitmqUrl(election.urls.RABBITMQ_URL, election.id));
  }

  /** Starts one with electors for so many rounds. */
  static async start(servers: FaultServers, mostRounds: number): Promise<FaultyElection> {
    const routes = await Routes.open(STAGES, servers.urls);
    try {
      const election = await ElectionUnderTest.start({
        urls: servers.urls,
        voters: mostRounds * ELECTORS_A_ROUND + SPARE_ELECTORS,
        env: SETTINGS,
        readyMs: START_LIMIT_MS,
        settingsOf: (stage, settings) => ({
          ...routes.settings(stage, settings),
          CLOCK_SHIFT_FILE: clockFile(servers, stage),
          NODE_OPTIONS: `--import=${new URL('./shift-clock.ts', import.meta.url).href}`,
        }),
      });
      const url = await routes.toIngestion(election.ingestion.url);
      return new FaultyElection(election, servers, routes, url, mostRounds);
    } catch (error) {
      await routes.close();
      throw error;
    }
  }

  get usedUp(): boolean {
    return this.#rounds >= this.#mostRounds;
  }

  /** Electors that no round has had yet. */
  nextElectors(): readonly Elector[] {
    const from = this.#rounds++ * ELECTORS_A_ROUND;
    return this.election.electors.slice(from, from + ELECTORS_A_ROUND);
  }

  /** What a round's faults see, until `over`. */
  scene(over: AbortSignal): Scene {
    return {
      election: this.election,
      servers: this.servers,
      routes: this.routes,
      over,
      down: new Set(),
      poison: this.poison,
      missed: 0,
      shiftClock: (stage, ms) => writeFileSync(clockFile(this.servers, stage), String(ms)),
    };
  }

  /** Servers and stages that a fault has left down are up again; what was stopped goes on. Resolves when all are ready. */
  async repair(): Promise<void> {
    this.servers.volume?.clear();
    await this.servers.repair();
    for (const stage of this.election.stages) {
      if (stage.pid === undefined) stage.start();
      else sendSignal(stage.pid, 'SIGCONT');
    }
    await Promise.all(this.election.stages.map((stage) => stage.ready(READY_LIMIT_MS)));
  }

  /**
   * What is wrong once the queues are worked off, while everything still runs. A worker may have a last batch in hand
   * then, and a stage a connection of which it has yet to learn that it is dead: what is wrong, or can't be read, gets
   * time to come right.
   */
  async checkRunning(): Promise<string[]> {
    const deadline = Date.now() + SETTLE_LIMIT_MS;
    await drained(this.election, deadline);
    for (let pause = 200; ; pause = Math.min(1_000, pause * 2)) {
      const problems = await this.#check().catch((error: Error) => [
        `the end state can’t be read: ${error.stack}`,
      ]);
      if (problems.length === 0 || Date.now() + pause > deadline) return problems;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Brings the election to rest in order, and says what is wrong then: nothing is under way any more. */
  async checkAtRest(): Promise<string[]> {
    await settle(this.election, SETTLE_LIMIT_MS);
    // Asked again, all of them.
    this.#statuses.clear();
    return this.#check();
  }

  /** Ends all processes. The election's data go too, unless they are to be looked at. */
  async stop(keep: boolean): Promise<void> {
    for (const { pid } of this.election.stages) if (pid !== undefined) sendSignal(pid, 'SIGCONT');
    await Promise.all(this.election.stages.map((stage) => stage.stop('SIGKILL')));
    await this.routes.close();
    await this.servers.repair();
    if (!keep) await removeElection(this.election);
  }

  async #check(): Promise<string[]> {
    const known = new Set(
      this.history.attempts.flatMap(({ ballot, requestId }) => ballot.ballotId ?? requestId ?? []),
    );
    // A status that was final in an earlier round has to be what the ledger still holds.
    const unasked = [...known].filter((id) => !isFinal(this.#statuses.get(id)));
    const end = await readEndState(this.election, unasked, this.#review, this.poison);
    for (const [id, status] of end.statuses) this.#statuses.set(id, status);
    return [...check(this.history, { ...end, statuses: this.#statuses }), ...this.#endedByThemselves()];
  }

  /** Stages that ended without being asked to, with a fatal line (level 60): no fault of a server is a reason to. */
  #endedByThemselves(): string[] {
    const lines = this.election.logs().split('\n');
    const fatal = lines.filter((line) => /"level":(?:60|"fatal")/.test(line));
    return fatal.map((line) => `a stage ended by itself: ${line.slice(0, 400)}`);
  }
}

const isFinal = (status: VoteStatus | undefined): boolean => status === 'aggregated' || status === 'invalid';

const clockFile = (servers: FaultServers, stage: string): string =>
  join(servers.file.folder, `clock-${stage}`);
