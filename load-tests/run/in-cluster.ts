import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../../scripts/cluster/cluster.ts';
import { scratchImage } from '../../scripts/cluster/local/scratch-image.ts';
import { must, run } from '../../scripts/cluster/run-program.ts';
import type { Telling } from '../../scripts/servers/servers.ts';
import type { Tally } from '../../scripts/stack/tally.ts';
import type { ScenarioName, Size } from '../k6/scenarios.ts';
import { jobObjects, splitLog } from './cluster-job.ts';
import { tallyOfResults } from './given-system.ts';
import { K6_VERSION, k6Program } from './k6-program.ts';
import { atRest, type LoadResult } from './run-load.ts';
import { LoadSummary } from './summary.ts';

/** The image that a cluster without a registry gets: k6 and nothing else. */
const LOCAL_IMAGE = `localhost/scrutin/k6:${K6_VERSION}`;
export const OFFICIAL_IMAGE = `docker.io/grafana/k6:${K6_VERSION}`;

export interface InClusterOptions {
  cluster: Pick<Cluster, 'kubectl' | 'loadImages'>;
  /** Image of k6; absent: made here and given to the cluster’s nodes. */
  image?: string | undefined;
  namespace: string;
  /** Name of the Election, which is the release’s. */
  election: string;
  roll: string;
  scenario: ScenarioName;
  size: Size;
  votes: number;
  first: number;
  folder: string;
  drainSeconds: number;
  steps: Telling;
}

/**
 * Runs k6 as a Job beside an election on a cluster and removes it afterwards, with the roll that it was given.
 * Rejects with a sentence if there is no such election, or the roll is too small.
 */
export async function loadInCluster(options: InClusterOptions): Promise<LoadResult & { laws: string[] }> {
  const { cluster, namespace, election, scenario, size, steps, folder } = options;
  const { program, args } = await cluster.kubectl(steps);
  const kubectl = (...more: string[]) => must(program, [...args, '--namespace', namespace, ...more]);
  const ids = await kubectl('get', 'election', election, '--output=jsonpath={.spec.laws[*].id}');
  const laws = ids.split(' ').filter(Boolean);
  const from = Math.floor(options.first / laws.length);
  const electors = readFileSync(options.roll, 'utf8')
    .split('\n')
    .slice(1)
    .filter(Boolean)
    .slice(from, from + Math.ceil(options.votes / laws.length) + 2);
  if (electors.length * laws.length < options.votes)
    throw new Error(
      `${options.roll} has too few electors for ${options.votes} votes from number ${options.first} on`,
    );
  const image = options.image ?? (await steps.step('Image of k6', () => ownImage(cluster, steps)));
  const service = (stage: 'ingestion' | 'results', port: number) =>
    `http://${election}-${stage}.${namespace}.svc:${port}`;
  const tally = () =>
    countsInCluster(kubectl, `/api/v1/namespaces/${namespace}/services/${election}-results:3004/proxy`);
  const before = await tally();
  const name = `load-${scenario}-${Date.now().toString(36)}`;
  const deadlineSeconds = size.seconds + 300;
  const objects = jobObjects({
    name,
    namespace,
    image,
    pullPolicy: 'IfNotPresent',
    electors,
    deadlineSeconds,
    settings: {
      TARGET: service('ingestion', 3001),
      RESULTS: service('results', 3004),
      LAWS: laws.join(','),
      SCENARIO: scenario,
      RATE: String(size.rate),
      SECONDS: String(size.seconds),
      FIRST: String(options.first % laws.length),
    },
  });
  const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
  mkdirSync(folder, { recursive: true });
  try {
    await must(program, [...args, 'create', '-f', '-'], { input });
    const log = await steps.step(`Job ${name} in ${namespace}`, async () => {
      await ended(kubectl, name, deadlineSeconds);
      return kubectl('logs', `job/${name}`, '--tail=-1');
    });
    const { text, summary } = splitLog(log);
    process.stdout.write(text);
    writeFileSync(join(folder, `${scenario}.txt`), text);
    writeFileSync(join(folder, `${scenario}.json`), summary);
    const read = LoadSummary.read(join(folder, `${scenario}.json`));
    const since = Date.now();
    const expected = before.outcomes.aggregated + read.count('accepted_voters');
    const after = await atRest(tally, expected, options.drainSeconds);
    return { summary: read, code: 0, before, after, drained: (Date.now() - since) / 1000, memory: {}, laws };
  } finally {
    // The roll above all: nothing of it stays in the cluster.
    await run(program, [
      ...args,
      ...['--namespace', namespace, 'delete', 'job,configmap,secret', '--ignore-not-found'],
      ...[`--selector=app.kubernetes.io/instance=${name}`, '--cascade=foreground', '--timeout=60s'],
    ]);
  }
}

/** Resolves when the Job has completed or failed: k6 fails it, too, when a threshold was crossed. */
async function ended(
  kubectl: (...args: string[]) => Promise<string>,
  name: string,
  seconds: number,
): Promise<void> {
  const deadline = Date.now() + (seconds + 30) * 1000;
  while (Date.now() < deadline) {
    const conditions = await kubectl(
      ...[
        'get',
        'job',
        name,
        '--output=jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {.reason};{end}',
      ],
    );
    if (conditions.includes('DeadlineExceeded')) break;
    if (/Complete|Failed/.test(conditions)) return;
    await new Promise((later) => setTimeout(later, 1_000));
  }
  const events = await kubectl('get', 'events', '--sort-by=.lastTimestamp').catch(() => '');
  throw new Error(`Job ${name} has not ended in time:\n${events.split('\n').slice(-8).join('\n')}`);
}

async function ownImage(cluster: InClusterOptions['cluster'], steps: Telling): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'scrutin-k6-image-'));
  try {
    const archive = join(work, 'k6.tar');
    await scratchImage(archive, LOCAL_IMAGE, [await k6Program(steps)]);
    await cluster.loadImages([archive], steps);
    return LOCAL_IMAGE;
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** The counts as the API server's proxy reads them from results. */
const countsInCluster = async (
  kubectl: (...args: string[]) => Promise<string>,
  proxy: string,
): Promise<Tally> => {
  const body = await kubectl('get', '--raw', `${proxy}/api/v1/results`).catch((error: Error) => {
    throw new Error(
      `The results can’t be read; an election shows its counts before closing only with "results: live".\n${error.message}`,
    );
  });
  return tallyOfResults(JSON.parse(body));
};
