import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import type { Registry } from 'prom-client';
import { controllerMetrics } from '../operator/src/kubernetes/controller-metrics.ts';
import { operatorMetrics } from '../operator/src/operator-metrics.ts';
import { aggregationMetrics } from '../services/aggregation/src/aggregation-metrics.ts';
import { ingestionMetrics } from '../services/ingestion/src/ingestion-metrics.ts';
import { lawMetrics } from '../services/results/src/law-metrics.ts';
import { resultsMetrics } from '../services/results/src/results-metrics.ts';
import { validationMetrics } from '../services/validation/src/validation-metrics.ts';
import { runWhenCalled } from './run-when-called.ts';

const CATALOGUE = fileURLToPath(new URL('../docs/metrics.md', import.meta.url));

const none = () => 0;
const never = () => false;
const unread = () => {
  throw new Error('nothing was read');
};
const pool = { totalCount: 0, idleCount: 0, waitingCount: 0 };

/** What each process registers beside what all do. */
const PROCESSES: Record<string, (registry: Registry) => void> = {
  ingestion: (registry) =>
    ingestionMetrics(registry, {
      waiting: none,
      pending: none,
      inFlight: none,
      redisUp: never,
      rabbitmqUp: never,
    }),
  validation: (registry) =>
    validationMetrics(registry, {
      queue: () => ({ queue: 'validation_queue', oldestSeconds: 0 }),
      inFlight: none,
      redisUp: never,
      rabbitmqUp: never,
    }),
  aggregation: (registry) =>
    aggregationMetrics(registry, { queues: () => [], pool, postgresqlUp: never, rabbitmqUp: never }),
  results: (registry) => {
    resultsMetrics(registry, { age: none, waiting: none, pool, postgresqlUp: never });
    lawMetrics(registry, { require: unread });
  },
  operator: (registry) => operatorMetrics(registry, () => []),
  'operator (cluster)': (registry) =>
    controllerMetrics(
      registry,
      operatorMetrics(registry, () => []),
      {
        queueDepth: none,
        working: none,
        leading: never,
      },
    ),
};

/** What tells a metric; prom-client's own types leave out `labelNames` and `upperBounds`, and have a number for `type`. */
interface Defined {
  name: string;
  type: 'counter' | 'gauge' | 'histogram' | 'summary';
  labelNames: readonly string[];
  help: string;
  upperBounds?: readonly number[];
}

export interface CataloguedMetric extends Defined {
  /** The processes that have it. */
  processes: string[];
}

const defined = (registry: Registry): Defined[] => registry.getMetricsAsArray() as unknown as Defined[];

/** What each process registers, by its name. */
export function registered(): Map<string, Defined[]> {
  return new Map(
    Object.entries(PROCESSES).map(([process, register]) => {
      const registry = createMetrics(process, '', '');
      register(registry);
      return [process, defined(registry)];
    }),
  );
}

/** Every metric of every process, by name, as the registries have them; those of all processes apart. */
export function metricsCatalogue(): { own: CataloguedMetric[]; everywhere: Defined[] } {
  const everywhere = defined(createMetrics('', '', ''));
  const common = new Set(everywhere.map(({ name }) => name));
  const own = new Map<string, CataloguedMetric>();
  for (const [process, metrics] of registered())
    for (const metric of metrics.filter(({ name }) => !common.has(name))) {
      const { name, type, labelNames, help, upperBounds } = metric;
      const known = own.get(name) ?? { name, type, labelNames, help, processes: [] };
      // On a cluster the operator has all that it has elsewhere.
      if (process !== 'operator (cluster)' || !known.processes.includes('operator'))
        known.processes.push(process);
      own.set(name, { ...known, ...(upperBounds && { upperBounds }) });
    }
  const byName = (a: Defined, b: Defined) => (a.name < b.name ? -1 : 1);
  return { own: [...own.values()].sort(byName), everywhere: everywhere.sort(byName) };
}

const HEADER = `# Metrics

Made by \`node scripts/metrics-catalogue.ts\` from what the processes register; a test keeps it so.

Every process serves \`/metrics\`. Prometheus' \`job\` is \`scrutin\` for all of them. Every series has the labels \`stage\`
(\`ingestion\`, \`validation\`, \`aggregation\`, \`results\`, \`operator\`) and \`election\`; the operator of a cluster, which has
many, puts the election's name on those series that are about one. No label's value comes from a request: a law's id, a path
or a method that somebody makes up makes no series.

`;

/** The text of `docs/metrics.md`. */
export function catalogueText({ own, everywhere }: ReturnType<typeof metricsCatalogue>): string {
  const rows = own.map(
    ({ name, type, labelNames, processes, help }) =>
      `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(', ')} | ${processes.join(', ')} | ${help} |`,
  );
  const buckets = own.flatMap(({ name, upperBounds }) =>
    upperBounds ? [`| \`${name}\` | ${upperBounds.join(', ')} |`] : [],
  );
  return [
    `${HEADER}| name | type | labels | processes | what it is |`,
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '\n## Buckets of the histograms\n',
    '| name | upper bounds |',
    '| --- | --- |',
    ...buckets,
    '\n## In every process\n',
    '| name | type | what it is |',
    '| --- | --- | --- |',
    ...everywhere.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`),
    '',
  ].join('\n');
}

runWhenCalled(import.meta, async () => {
  writeFileSync(CATALOGUE, catalogueText(metricsCatalogue()));
  process.stdout.write('docs/metrics.md is written\n');
  return 0;
});
