import type { Settings } from './config.ts';
import { type Config, ConfigError, maskedConfig, readConfig } from './config.ts';
import { createLog, type Log } from './log.ts';

/** What every stage's `main.ts` begins with: its settings, frozen and printed, and its logger. */
export function startStage<S extends Settings>(stage: string, settings: S): { config: Config<S>; log: Log } {
  const config = readConfigOrExit(stage, settings);
  const { LOG_LEVEL, LOG_FORMAT } = config as unknown as {
    LOG_LEVEL: string;
    LOG_FORMAT: 'auto' | 'json' | 'pretty';
  };
  const log = createLog({ stage, level: LOG_LEVEL, format: LOG_FORMAT });
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
