import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXPORTER_METRICS } from './exporter-metrics.ts';
import { PROJECT } from './rule-files.ts';

const ROW = /^\| `([a-z_0-9]+)` \| (counter|gauge|histogram|summary) \| ([^|]*)\|/gm;
/** What Prometheus adds to every series, and what every process of ours does. */
const EVERYWHERE = ['job', 'instance'];
const OURS = ['stage', 'election'];

/** Every series that may be read → its labels: those of `docs/metrics.md`, and the exporters'. */
export function knownSeries(): Map<string, string[]> {
  const known = new Map(
    Object.entries(EXPORTER_METRICS).map(([name, labels]) => [name, [...EVERYWHERE, ...labels]]),
  );
  const text = readFileSync(join(PROJECT, 'docs/metrics.md'), 'utf8');
  for (const [, name, type, third] of text.matchAll(ROW)) {
    // The table of what every process has leaves out the labels: there what follows is a sentence.
    const own = [...third!.matchAll(/`(\w+)`/g)].map((match) => match[1]!);
    const labels = [...EVERYWHERE, ...OURS, ...own];
    if (type === 'histogram') {
      known.set(`${name}_bucket`, [...labels, 'le']);
      known.set(`${name}_count`, labels);
      known.set(`${name}_sum`, labels);
    } else known.set(name!, labels);
  }
  return known;
}
