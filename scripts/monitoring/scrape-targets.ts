import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A process that Prometheus asks: `instance` is how its series name it. */
export interface ScrapeTarget {
  instance: string;
  /** `host:port`. */
  address: string;
}

/**
 * Tells Prometheus whom to ask for a job, by a file that it follows (`file_sd_configs`). By rename: it never reads half of
 * one.
 */
export function writeTargets(folder: string, job: string, targets: readonly ScrapeTarget[]): void {
  const path = join(folder, 'targets', `${job}.json`);
  mkdirSync(join(folder, 'targets'), { recursive: true });
  const groups = targets.map(({ instance, address }) => ({ targets: [address], labels: { instance } }));
  // Prometheus reads names that end in .json.
  writeFileSync(`${path}.new`, `${JSON.stringify(groups, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}
