import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { identify, isRunning, processIdentitySchema } from './process-identity.ts';

export const SERVERS = ['redis', 'rabbitmq', 'postgres'] as const;
export type ServerName = (typeof SERVERS)[number];

const stateSchema = z.object({
  version: z.literal(1),
  /** Names what this folder starts (the RabbitMQ node, containers), so that two folders never meet. */
  id: z.string().regex(/^[0-9a-f]{8}$/),
  ports: z.record(z.string(), z.number().int().min(1).max(65_535)),
  passwords: z.record(z.enum(SERVERS), z.string()),
  processes: z.record(z.string(), processIdentitySchema),
  containers: z.partialRecord(z.enum(SERVERS), z.object({ engine: z.string(), name: z.string() })),
  /** Where PostgreSQL's files lie, if not in this folder. */
  postgresFolder: z.string().optional(),
  /** The running `npm start`: its address list, for the commands that look from outside. */
  urls: z.record(z.string(), z.string()),
  electionId: z.string().optional(),
  /** Size of the sample electorate, once it is made. */
  voters: z.number().int().min(1).optional(),
  /** How the sample went on: the first elector that has not voted yet. */
  nextElector: z.number().int().min(0),
});
export type State = z.infer<typeof stateSchema>;

export const projectFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The data folder: SCRUTIN_DATA, or `.scrutin` in the project. */
export const defaultFolder = (env: NodeJS.ProcessEnv = process.env): string =>
  resolve(env.SCRUTIN_DATA || join(projectFolder, '.scrutin'));

/** The state of a data folder, kept in `state.json` (0600: it holds passwords). One writer at a time. */
export class StateFile {
  readonly folder: string;
  #state: State;

  private constructor(folder: string, state: State) {
    this.folder = folder;
    this.#state = state;
  }

  /** Reads the state, or begins one. Throws with a sentence for people if the file can't be read. */
  static open(folder: string): StateFile {
    const known = StateFile.read(folder);
    if (known) return new StateFile(folder, known);
    // Others (PostgreSQL's user) must pass through, none may look around.
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    chmodSync(folder, 0o711);
    const file = new StateFile(folder, freshState());
    file.update({});
    return file;
  }

  /** The state as it is on disk, or undefined if there is none. */
  static read(folder: string): State | undefined {
    const path = join(folder, 'state.json');
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return stateSchema.parse(JSON.parse(text));
    } catch {
      throw new Error(`${path} can’t be read as this version’s state; "npm run reset" begins anew`);
    }
  }

  get state(): Readonly<State> {
    return this.#state;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Changes members and writes the file anew, by rename: a crash leaves the old or the new one. */
  update(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    const path = this.path('state.json');
    const next = `${path}.${process.pid}`;
    writeFileSync(next, `${JSON.stringify(this.#state, null, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(next, path);
  }

  setPort(name: string, port: number): void {
    this.update({ ports: { ...this.#state.ports, [name]: port } });
  }

  /** Notes that `pid` is what runs under `name`; undefined when it has ended. */
  setProcess(name: string, pid: number | undefined): void {
    const { [name]: _, ...processes } = this.#state.processes;
    const identity = pid === undefined ? undefined : identify(pid);
    this.update({ processes: identity ? { ...processes, [name]: identity } : processes });
  }

  /** The process under `name`, if it still runs. */
  running(name: string): { pid: number; started: string } | undefined {
    const identity = this.#state.processes[name];
    return identity && isRunning(identity) ? identity : undefined;
  }
}

const password = (): string => randomBytes(24).toString('base64url');

const freshState = (): State => ({
  version: 1,
  id: randomBytes(4).toString('hex'),
  ports: {},
  passwords: { redis: password(), rabbitmq: password(), postgres: password() },
  processes: {},
  containers: {},
  urls: {},
  nextElector: 0,
});

/**
 * Takes the folder for this process. Returns the release, or the pid of the process that has it. A lock
 * whose owner is gone (a crash) counts for nothing.
 */
export function lockFolder(folder: string): (() => void) | number {
  const path = join(folder, 'lock.json');
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        // A link, unlike an open, makes the lock appear with its content.
        linkSync(mine, path);
        return () => rmSync(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 2) throw error;
        const owner = lockOwner(folder);
        if (owner !== undefined) return owner;
        rmSync(path, { force: true });
      }
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** The pid of the process that has the folder, if one does. */
export function lockOwner(folder: string): number | undefined {
  try {
    const owner = processIdentitySchema.parse(JSON.parse(readFileSync(join(folder, 'lock.json'), 'utf8')));
    return isRunning(owner) ? owner.pid : undefined;
  } catch {
    return undefined;
  }
}
