import pc from 'picocolors';
import { endLeftStages } from '../servers/forget.ts';
import { type ServerUrls, serversDown, serversUp } from '../servers/servers.ts';
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
  /** Path of an Election file to run instead of the sample. */
  election?: string;
  dev: boolean;
}

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
    const [{ urls: servers }] = await Promise.all([
      serversUp(file, { tell: this.#steps, yes }),
      this.#electorate(election),
    ]);
    this.#interrupt.signal.throwIfAborted();

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
    const urls = addresses(file.state, servers);
    file.update({ urls });
    const control = await listenForControl(file.folder, ({ workers: wanted }) => stack.scale(wanted));
    control?.unref();
    this.#interrupt.signal.addEventListener('abort', () => control?.close());
    const code = await this.#sample(election, servers, begun);
    this.#steps.note(`\n${addressLines(urls)}`);
    if (dev) this.#steps.note(`\n  Debuggers: ${debuggers(file.state)} (chrome://inspect)`);
    return code;
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
      await this.#stack?.stop();
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
