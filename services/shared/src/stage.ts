import type { RequestListener, Server } from 'node:http';
import type { Settings } from './config.ts';
import { type Config, ConfigError, maskedConfig, readConfig } from './config.ts';
import type { Health } from './health.ts';
import { endKeepAlive, listen, untilQuiet } from './http-server.ts';
import { createLog, type Log } from './log.ts';
import { type ShutdownOptions, shutdownOnSignal } from './shutdown.ts';
import { tellWaiting } from './tell-waiting.ts';

/** Without a request for so long, a process that is not ready is taken to be asked no more. Clients of a busy machine pause, too. */
const QUIET_MS = 5_000;

/** What every stage's `main.ts` begins with: its settings, frozen and printed, and its logger. */
export function startStage<S extends Settings>(stage: string, settings: S): { config: Config<S>; log: Log } {
  const config = readConfigOrExit(stage, settings);
  const { ELECTION_ID, LOG_LEVEL, LOG_FORMAT } = config as unknown as {
    ELECTION_ID?: string;
    LOG_LEVEL: string;
    LOG_FORMAT: 'auto' | 'json' | 'pretty';
  };
  const log = createLog({ stage, election: ELECTION_ID, level: LOG_LEVEL, format: LOG_FORMAT });
  log.info({ settings: maskedConfig(settings, config) }, 'starting');
  process.on('unhandledRejection', (error) => {
    // A state nobody thought of: ending is safe (P1), going on may not be.
    log.fatal({ err: error }, 'unhandled rejection');
    process.exit(1);
  });
  return { config, log };
}

function readConfigOrExit<S extends Settings>(stage: string, settings: S): Config<S> {
  try {
    return readConfig(settings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of error.message.split('\n')) process.stderr.write(`${stage}: ${line}\n`);
    process.exit(2);
  }
}

/** What a process serves and stops with: the settings that all have, its logger, its health. */
export interface StageParts {
  config: { HOST: string; PORT: number; SHUTDOWN_GRACE_MS: number; SHUTDOWN_DELAY_MS: number };
  log: Log;
  health: Health;
}

/**
 * Listens and turns ready, with `says` and `details` as the log line of it, and then says what is still waited for; or ends the
 * process with a sentence that says which setting to change.
 */
export async function serveStage(
  app: RequestListener,
  parts: StageParts,
  says: string,
  details: Record<string, unknown> = {},
): Promise<Server> {
  const { config, log, health } = parts;
  const { server, listening } = listen(app, config.HOST, config.PORT);
  const port = await listening.catch((error: Error) => {
    log.fatal(error.message);
    process.exit(1);
  });
  health.setReady(true);
  log.info({ port, ...details }, says);
  tellWaiting(health, log);
  return server;
}

/**
 * Ends the process in order on SIGTERM and SIGINT: unready first, while connections are ended at their next answer; then,
 * once the load balancer sends nobody here any more, the steps.
 */
export function stopStageOnSignal(
  { config, log, health }: StageParts,
  server: Server,
  steps: ShutdownOptions['steps'],
): void {
  const { SHUTDOWN_GRACE_MS: graceMs, SHUTDOWN_DELAY_MS: delayMs } = config;
  shutdownOnSignal({
    log,
    graceMs,
    delayMs,
    unready: () => {
      health.setReady(false);
      endKeepAlive(server);
    },
    // On a busy node it can take the load balancer much longer than SHUTDOWN_DELAY_MS to notice.
    unasked: () => untilQuiet(server, QUIET_MS, graceMs / 2),
    steps,
  });
}
