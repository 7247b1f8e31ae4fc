import type { StateFile } from '../servers/state.ts';
import { stageProcess, workerName } from './stages.ts';
import type { Steps } from './steps.ts';
import { Supervisor } from './supervisor.ts';

export interface StackOptions {
  file: StateFile;
  steps: Steps;
  electionId: string;
  /** Environment of every stage. */
  env: NodeJS.ProcessEnv;
  /** What the local operator has beside that. */
  operatorEnv: NodeJS.ProcessEnv;
  dev: boolean;
  onLine?: ((name: string, line: string) => void) | undefined;
  /** Told of the processes that are to run, and each one's port, whenever one comes or goes. */
  onProcesses?: ((ports: ReadonlyMap<string, number>) => void) | undefined;
}

/** Stages beside the workers, in the order in which they stop: first whoever takes votes, last who records them. */
const STOP_ORDER = [['ingestion'], ['workers'], ['aggregation'], ['results', 'operator']] as const;

/** The pipeline's processes of one election on one machine. */
export class Stack {
  readonly #options: StackOptions;
  readonly supervisor: Supervisor;
  #scaling: Promise<unknown> = Promise.resolve();

  constructor(options: StackOptions) {
    this.#options = options;
    this.supervisor = new Supervisor({
      file: options.file,
      onEvent: (text) => options.steps.note(text),
      onLine: options.onLine,
    });
  }

  /** Names of the validation workers that are to run. */
  get workers(): string[] {
    return this.supervisor.names.filter((name) => name.startsWith('validation-'));
  }

  /** Starts the stages, without waiting: they connect while the election is still being prepared. */
  async startStages(workers: number): Promise<void> {
    const names = ['ingestion', 'aggregation', 'results'];
    for (let n = 1; n <= workers; n++) names.push(workerName(n));
    for (const name of names) await this.#start(name);
  }

  /** Starts the reconciler on the Election file, which prepares servers and electorate. */
  async startOperator(): Promise<void> {
    await this.#start('operator', { ...this.#options.env, ...this.#options.operatorEnv });
  }

  /** Resolves once every process is at work. */
  async ready(names: readonly string[] = this.supervisor.names, timeoutMs?: number): Promise<void> {
    await Promise.all(names.map((name) => this.supervisor.ready(name, timeoutMs)));
  }

  /** Sets the number of validation workers; those that go finish what they hold first. */
  scale(workers: number): Promise<string> {
    const next = this.#scaling.then(async () => {
      const before = this.workers.length;
      for (let n = 1; n <= workers; n++)
        if (!this.workers.includes(workerName(n))) await this.#start(workerName(n));
      const surplus = this.workers.filter((name) => Number(name.slice('validation-'.length)) > workers);
      // Before they go: who is no more to be asked is not missed either.
      this.#announce(this.supervisor.names.filter((name) => !surplus.includes(name)));
      await this.supervisor.stop(surplus);
      await this.ready(this.workers);
      return `${before} → ${this.workers.length} validation workers`;
    });
    this.#scaling = next.catch(() => {});
    return next;
  }

  /** Stops everything in order: no new votes, then what is under way is decided and recorded. */
  async stop(): Promise<void> {
    this.supervisor.close();
    for (const group of STOP_ORDER)
      await this.supervisor.stop(
        group.flatMap((name) => (name === 'workers' ? this.#workersLeft() : [name])),
      );
  }

  #workersLeft(): string[] {
    return this.supervisor.all.filter((name) => name.startsWith('validation-'));
  }

  async #start(name: string, env: NodeJS.ProcessEnv = this.#options.env): Promise<void> {
    const { file, dev } = this.#options;
    await this.supervisor.start(name, async () => {
      const process = await stageProcess({ file, name, env, dev });
      this.#announce([...this.supervisor.names, name]);
      return process;
    });
  }

  #announce(names: readonly string[]): void {
    const { ports } = this.#options.file.state;
    this.#options.onProcesses?.(new Map(names.map((name) => [name, ports[name]!])));
  }
}
