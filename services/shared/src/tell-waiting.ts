import type { Health } from './health.ts';
import type { Log } from './log.ts';

/**
 * Says in the log what a process still waits for, when it changes, and at last that it is ready: whoever waits for it (`helm
 * install --wait`, a rolling upgrade) is told no more than that it isn't. A process that is ready within `everyMs` says nothing.
 */
export function tellWaiting(health: Health, log: Log, everyMs = 10_000): void {
  let told = '';
  const look = async () => {
    if (health.started || !health.ready) return;
    const { dependencies } = await health.report();
    const waitingFor = Object.fromEntries(
      Object.entries(dependencies)
        .filter(([, { status }]) => status === 'down')
        .map(([name, { detail }]) => [name, detail]),
    );
    if (health.started) {
      if (told) log.info('ready');
      return;
    }
    const all = JSON.stringify(waitingFor);
    if (all !== told) log.info({ waitingFor }, 'not ready yet');
    told = all;
    again();
  };
  const again = () => setTimeout(look, everyMs).unref();
  again();
}
