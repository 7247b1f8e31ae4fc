import { join } from 'node:path';
import { freePort, isFree } from '../servers/free-port.ts';
import { projectFolder, type StateFile } from '../servers/state.ts';
import type { StageProcess } from './supervisor.ts';

/** The pipeline's processes: where each one's program is, and its first port. */
const PROGRAMS = {
  ingestion: { main: 'services/ingestion/src/main.ts', port: 3001 },
  validation: { main: 'services/validation/src/main.ts', port: 3002 },
  aggregation: { main: 'services/aggregation/src/main.ts', port: 3003 },
  results: { main: 'services/results/src/main.ts', port: 3004 },
  operator: { main: 'operator/src/local.ts', port: 3005 },
} as const;
export type Stage = keyof typeof PROGRAMS;

/** Ports of validation workers after the first begin here. */
const MORE_WORKERS_PORT = 3011;
const FIRST_DEBUGGER_PORT = 9301;

/** Name of the n-th validation worker, n from 1. */
export const workerName = (n: number): string => `validation-${n}`;

/** `validation-2` → `validation`. */
export const stageOf = (name: string): Stage => name.replace(/-\d+$/, '') as Stage;

/** The port of a process: its own from the start, or the next free one; kept, so that addresses stay. */
export async function stagePort(file: StateFile, name: string): Promise<number> {
  const kept = file.state.ports[name];
  if (kept !== undefined && (await isFree(kept))) return kept;
  const first =
    name === workerName(1) || !name.includes('-') ? PROGRAMS[stageOf(name)].port : MORE_WORKERS_PORT;
  const { [name]: _, ...others } = file.state.ports;
  const port = await freePort(first, new Set(Object.values(others)));
  file.setPort(name, port);
  return port;
}

export interface StageOptions {
  file: StateFile;
  name: string;
  /** Settings that all stages share: the servers' addresses, the election, the pepper's file. */
  env: NodeJS.ProcessEnv;
  /** Hot reload, a debugger port, debug logs for people. */
  dev: boolean;
}

/** A process of the pipeline, ready to be started. */
export async function stageProcess(options: StageOptions): Promise<StageProcess> {
  const { file, name, env, dev } = options;
  const port = await stagePort(file, name);
  const nodeOptions: string[] = [];
  if (dev) {
    const debug = await freePort(FIRST_DEBUGGER_PORT, new Set(Object.values(file.state.ports)));
    file.setPort(`debug:${name}`, debug);
    nodeOptions.push('--watch', '--watch-preserve-output', `--inspect=127.0.0.1:${debug}`);
  }
  return {
    args: [...nodeOptions, join(projectFolder, PROGRAMS[stageOf(name)].main)],
    env: {
      ...env,
      HOST: '127.0.0.1',
      PORT: String(port),
      ...(dev && { LOG_LEVEL: env.LOG_LEVEL ?? 'debug', LOG_FORMAT: 'pretty' }),
    },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
  };
}

/** Name and base address of each process that was started last, as the state remembers them. */
export function stageUrls(file: StateFile | undefined): [name: string, url: string][] {
  if (!file) return [];
  const running = Object.keys(file.state.processes)
    .filter((name) => name.startsWith('stage:'))
    .map((name) => name.slice('stage:'.length));
  return running.sort().map((name) => [name, `http://127.0.0.1:${file.state.ports[name]}`]);
}
