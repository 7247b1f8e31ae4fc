import { settledWithin } from '@scrutin/shared/retry.ts';
import pc from 'picocolors';
import { Monitoring } from '../monitoring/monitoring.ts';
import { monitorsDown } from '../monitoring/processes.ts';
import { findMonitors, PROMETHEUS_PACKAGE } from '../monitoring/programs.ts';
import { findBinaries, missing } from '../servers/binaries.ts';
import { endLeftStages } from '../servers/forget.ts';
import { agreed, type Installation, planPackages } from '../servers/packages.ts';
import { privateServers, type ServerUrls, serversDown, serversUp } from '../servers/servers.ts';
import { defaultFolder, lockFolder, StateFile } from '../servers/state.ts';
import { addresses, addressLines, debuggers } from './addresses.ts';
import { listenForControl } from './control.ts';
import { type ElectionFile, readElectionFile, sampleElection } from './election-file.ts';
import { electionUrls } from './election-urls.ts';
import { Interrupt } from './interrupt.ts';
import { fetchResults, resultsTable } from './results-table.ts';
import { electorateFolder, generateElectorate, rollFile } from './sample-electorate.ts';
import { castSample } from './sample-run.ts';
import { Stack } from './stack.ts';
import { stageEnvironment } from './stage-environment.ts';
import { Steps, seconds, tellFailure } from './steps.ts';
import { number } from './table.ts';

export interface RunOptions {
  /** Sample votes to cast, all kinds together. */
  votes: number;
  /** Size of the sample electorate, when it is made. */
  voters: number;
  workers: number;
  /** Install system packages without asking. */
  yes: boolean;
  sample: boolean;
  /** Stop after the results. */
  exit: boolean;
  /** Prometheus beside it; and Grafana, where it is installed. */
  prometheus: boolean;
  grafana: boolean;
  /** Path of an Election file to run instead of the sample. */
  election?: string;
  dev: boolean;
}

/** Milliseconds that the list of addresses waits for Prometheus' own. */
const MONITORING_LIMIT_MS = 10_000;

/**
 * Everything on one machine, from nothing to results, until Ctrl-C. Resolves with the exit code: 0 if all
 * went well and every sample vote was counted exactly as it was cast.
 */
export async function runStack(options: RunOptions): Promise<number> {
  const folder = defaultFolder();
  const release = lockFolder(folder);
  if (typeof release === 'number') {
    const urls = StateFile.read(folder)?.urls ?? {};
    throw new Error(
      `npm start runs already here (process ${release}).${Object.keys(urls).length > 0 ? `\n${addressLines(urls)}` : ''}\nCtrl-C in its terminal stops it; SCRUTIN_DATA=<folder> runs another beside it.`,
    );
  }
  try {
    return await new Run(StateFile.open(folder), options).run();
  } finally {
    release();
  }
}

class Run {
  readonly #file: StateFile;
  readonly #options: RunOptions;
  readonly #steps = new Steps();
  readonly #interrupt: Interrupt;
  #stack: Stack | undefined;
  #monitoring: Monitoring | undefined;

  constructor(file: StateFile, options: RunOptions) {
    this.#file = file;
    this.#options = options;
    this.#interrupt = new Interrupt(
      () => {
        this.#steps.note(
          '\nStopping; votes under way are counted first. Ctrl-C again ends the stages at once.',
        );
        this.#stack?.supervisor.close();
      },
      () => this.#stack?.supervisor.kill(),
    );
  }

  async run(): Promise<number> {
    const begun = Date.now();
    let code = 0;
    try {
      code = await this.#up(begun);
      if (!this.#options.exit) {
        this.#steps.note(
          `\n${pc.bold('Everything runs.')} Ctrl-C stops it; the data stay (npm run reset throws them away).`,
        );
        await this.#interrupt.pressed;
      }
    } catch (error) {
      if (this.#interrupt.signal.aborted) code = 130;
      else {
        tellFailure(error);
        code = 1;
      }
    }
    return (await this.#down()) ? code : 1;
  }

  async #up(begun: number): Promise<number> {
    const file = this.#file;
    const { yes, workers, dev } = this.#options;
    const election = await (this.#options.election
      ? readElectionFile(this.#options.election)
      : sampleElection(file));
    if (file.state.electionId && file.state.electionId !== election.id)
      this.#steps.note(`The election is now ${election.id}; before it was ${file.state.electionId}.`);
    file.update({ electionId: election.id });
    for (const name of await endLeftStages(file))
      this.#steps.note(`${name} of a killed run was still there; ended.`);
    const prometheus = await this.#planPrometheus();
    const [{ urls: servers }] = await Promise.all([
      serversUp(file, { tell: this.#steps, yes, also: prometheus?.installation?.packages ?? [] }),
      this.#electorate(election),
    ]);
    this.#interrupt.signal.throwIfAborted();

    const monitoring =
      prometheus &&
      new Monitoring({
        file,
        tell: this.#steps,
        servers,
        installation: prometheus.installation,
        grafana: this.#options.grafana,
      });
    const stack = new Stack({
      file,
      steps: this.#steps,
      electionId: election.id,
      env: await stageEnvironment(file, servers, election.id),
      // It makes the election's own virtual host and database, so it gets the servers as the administrator has them.
      operatorEnv: {
        ...servers,
        ELECTION_FILE: election.path,
        STATUS_FILE: file.path('election-status.json'),
        VOLUMES: file.path('volumes'),
      },
      dev,
      onProcesses: (ports) =>
        monitoring?.stages(
          [...ports].map(([instance, port]) => ({ instance, address: `127.0.0.1:${port}` })),
        ),
      onLine: dev ? (name, line) => this.#steps.note(`${pc.dim(name.padEnd(13))} ${line}`) : undefined,
    });
    this.#stack = stack;
    await stack.startStages(workers);
    await this.#steps.step('Election', async (detail) => {
      await stack.startOperator();
      await stack.ready(['operator'], 120_000);
      detail(`${election.id}: ${election.laws.join(', ')}`);
    });
    await this.#steps.step('Stages', async (detail) => {
      await stack.ready();
      detail(`ingestion, ${workers} validation workers, aggregation, results`);
    });
    this.#interrupt.signal.throwIfAborted();
    // Only now, and beside the sample: the first vote is not to wait for it.
    monitoring?.start();
    this.#monitoring = monitoring;
    file.update({ urls: addresses(file.state, servers) });
    const control = await listenForControl(file.folder, ({ workers: wanted }) => stack.scale(wanted));
    control?.unref();
    this.#interrupt.signal.addEventListener('abort', () => control?.close());
    const code = await this.#sample(election, servers, begun);
    if (monitoring) await settledWithin(monitoring.settled, MONITORING_LIMIT_MS);
    const urls = addresses(file.state, servers);
    file.update({ urls });
    this.#steps.note(`\n${addressLines(urls)}`);
    if (dev) this.#steps.note(`\n  Debuggers: ${debuggers(file.state)} (chrome://inspect)`);
    return code;
  }

  /** Whether Prometheus is to run, and how it is installed where it is missing and may be: asked before anything starts. */
  async #planPrometheus(): Promise<{ installation: Installation | undefined } | undefined> {
    const { prometheus, exit, yes, grafana } = this.#options;
    if (grafana && (!prometheus || exit))
      this.#steps.note('Grafana has nothing to show without Prometheus, so neither is started.');
    if (!prometheus || exit) return undefined;
    if (findMonitors().prometheus) return { installation: undefined };
    const installation = planPackages([PROMETHEUS_PACKAGE]);
    if (!installation) {
      this.#steps.note(
        'Prometheus is not installed, so no metrics are recorded; every process serves its own.',
      );
      return undefined;
    }
    // Where servers are missing too, the question of what to install names all of it.
    const missed = missing(findBinaries(), privateServers()).length > 0;
    const ask = `Install ${PROMETHEUS_PACKAGE} from the distribution, to record metrics? No service is started by it; --no-prometheus goes without.`;
    return missed || (await agreed(ask, yes)) ? { installation } : undefined;
  }

  /** The sample's people and their hash files: made once. A given Election brings its own. */
  async #electorate(election: ElectionFile): Promise<void> {
    const folder = electorateFolder(this.#file, election);
    if (this.#options.election || !folder) return;
    const { voters } = this.#options;
    const made = this.#file.state.voters;
    if (made !== undefined) {
      if (made !== voters)
        this.#steps.note(`The electorate of ${number(made)} people is kept; npm run reset makes another.`);
      return;
    }
    await this.#steps.step('Electorate', async (detail) => {
      await generateElectorate({
        voters,
        folder,
        roll: rollFile(this.#file),
        signal: this.#interrupt.signal,
      });
      this.#file.update({ voters });
      detail(`${number(voters)} people, hash files in ${folder}`);
    });
  }

  async #sample(election: ElectionFile, servers: ServerUrls, begun: number): Promise<number> {
    const { sample, votes } = this.#options;
    const resultsUrl = `http://127.0.0.1:${this.#file.state.ports.results}`;
    let ok = true;
    if (sample && !this.#options.election)
      ok = await castSample({
        file: this.#file,
        steps: this.#steps,
        election,
        databaseUrl: electionUrls(servers, election.id).DATABASE_URL,
        resultsUrl,
        votes,
        begun,
        signal: this.#interrupt.signal,
      });
    const results = await fetchResults(resultsUrl);
    this.#steps.note(
      results ? `\n${resultsTable(results)}` : '\n  Counts are under embargo until the election closes.',
    );
    return ok ? 0 : 1;
  }

  /** Stops the stages, then the servers. True if all of it stopped. */
  async #down(): Promise<boolean> {
    const begun = Date.now();
    try {
      await Promise.all([this.#stack?.stop(), this.#monitoring?.stop() ?? monitorsDown(this.#file)]);
      await serversDown(this.#file);
      this.#file.update({ urls: {} });
      this.#steps.note(`${pc.green('✔')} Stopped ${pc.dim(`(${seconds(Date.now() - begun)})`)}`);
      return true;
    } catch (error) {
      tellFailure(error);
      return false;
    }
  }
}
