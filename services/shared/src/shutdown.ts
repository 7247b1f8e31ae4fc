import type { Log } from './log.ts';

export interface ShutdownOptions {
  log: Log;
  /** Milliseconds for all steps together; then the process ends with exit code 1. */
  graceMs: number;
  /** Milliseconds to go on serving after readiness has turned false. */
  delayMs: number;
  /** Turns readiness false. */
  unready: () => void;
  /** Resolves when nobody is sent here any more; waited for after `delayMs`, if that is more than 0. */
  unasked?: () => Promise<void>;
  /** In this order: stop taking, finish what is taken, flush, close. A failing step does not stop the rest. */
  steps: readonly { name: string; run: () => unknown }[];
}

/**
 * Ends the process in order on SIGTERM and SIGINT. A second signal ends it at once, which is safe too:
 * what was not finished is redelivered (P1).
 */
export function shutdownOnSignal(options: ShutdownOptions): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    void runShutdown(signal, options).then((code) => process.exit(code));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

async function runShutdown(signal: string, options: ShutdownOptions): Promise<number> {
  const { log, graceMs, delayMs, unready, unasked, steps } = options;
  log.info({ signal }, 'stopping');
  unready();
  const deadline = new Promise<'late'>((resolve) => setTimeout(resolve, graceMs + delayMs, 'late'));
  const orderly = (async () => {
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (delayMs > 0) await unasked?.();
    for (const { name, run } of steps) {
      try {
        await run();
      } catch (error) {
        log.warn({ err: error, step: name }, 'a step of the shutdown failed');
      }
    }
    return 'stopped' as const;
  })();
  const outcome = await Promise.race([orderly, deadline]);
  if (outcome === 'late')
    log.error({ graceMs }, 'not finished within SHUTDOWN_GRACE_MS; ending all the same');
  else log.info('stopped');
  return outcome === 'late' ? 1 : 0;
}
