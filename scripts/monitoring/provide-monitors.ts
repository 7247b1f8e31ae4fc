import { agreed, install, planPackages } from '../servers/packages.ts';
import type { Telling } from '../servers/servers.ts';
import { findMonitors, type Monitor } from './programs.ts';

/** The distribution's package of each program. Grafana is in none. */
const PACKAGES = {
  prometheus: 'prometheus',
  'redis-exporter': 'prometheus-redis-exporter',
  'postgres-exporter': 'prometheus-postgres-exporter',
  'node-exporter': 'prometheus-node-exporter',
} as const satisfies Partial<Record<Monitor, string>>;
type PackagedMonitor = keyof typeof PACKAGES;
const NAMES = Object.keys(PACKAGES) as PackagedMonitor[];

const missingPackages = (path?: string): string[] => {
  const found = findMonitors(path);
  return NAMES.filter((name) => !found[name]).map((name) => PACKAGES[name]);
};

/** Where Prometheus and its exporters are. Throws a sentence that says what to install. */
export function requireMonitors(path?: string): Record<PackagedMonitor, string> {
  const packages = missingPackages(path);
  if (packages.length > 0)
    throw new Error(
      `the dashboards’ queries can’t be tried without ${packages.join(', ')}: sudo apt-get install ${packages.join(' ')}`,
    );
  return findMonitors(path) as Record<PackagedMonitor, string>;
}

/**
 * Installs what is missing of Prometheus and its exporters from the distribution, where that can be done; no service
 * is started by it. Doesn't throw: whoever needs them says what is missing ({@link requireMonitors}).
 */
export async function provideMonitors({ tell, yes }: { tell: Telling; yes: boolean }): Promise<void> {
  const packages = missingPackages();
  const plan = packages.length > 0 ? planPackages(packages) : undefined;
  if (!plan) return;
  const list = packages.join(', ');
  const ask = `Install ${list} from the distribution, to try the dashboards? No service is started by it.`;
  if (!(await agreed(ask, yes))) return;
  tell.note(`Installing ${list} from the distribution; no service is started by it.`);
  const failure = await tell.step(`Packages ${list}`, () => install(plan)).catch(String);
  if (failure) tell.note(failure);
}
