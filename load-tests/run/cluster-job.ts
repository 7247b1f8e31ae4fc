import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SCRIPTS = fileURLToPath(new URL('../k6', import.meta.url));
/** Kubernetes takes no Secret of more than a mebibyte. */
const SLICE_BYTES = 900_000;

export interface JobOptions {
  name: string;
  namespace: string;
  image: string;
  pullPolicy: 'IfNotPresent' | 'Never';
  /** Electors of the run, `NAS,code` each, in the order in which their votes are drawn. */
  electors: readonly string[];
  /** k6’s environment without ROLL. */
  settings: Record<string, string>;
  /** Seconds after which Kubernetes ends it. */
  deadlineSeconds: number;
}

/**
 * The objects of a load from inside the cluster: scripts, roll, Job. The roll lies in Secrets, so this is for
 * electorates made up for tests, and whoever applies it removes it again.
 */
export function jobObjects(options: JobOptions): object[] {
  const { name, namespace, electors } = options;
  const labels = { 'app.kubernetes.io/name': 'scrutin-load', 'app.kubernetes.io/instance': name };
  const metadata = (object: string) => ({ name: object, namespace, labels });
  const slices = sliced(electors);
  const secrets = slices.map((slice, i) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(`${name}-roll-${i}`),
    stringData: { [`roll-${i}.csv`]: slice },
  }));
  const scripts = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(`${name}-scripts`),
    data: Object.fromEntries(
      readdirSync(SCRIPTS)
        .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
        .map((file) => [file, readFileSync(`${SCRIPTS}/${file}`, 'utf8')]),
    ),
  };
  const roll = slices.map((_, i) => `/roll/roll-${i}.csv`).join(',');
  return [...secrets, scripts, job(options, metadata(name), roll, slices.length)];
}

function job(
  options: JobOptions,
  metadata: { labels: object; name: string },
  roll: string,
  slices: number,
): object {
  const { name, image, pullPolicy, settings, deadlineSeconds } = options;
  const env = Object.entries({ ...settings, ROLL: roll, HOME: '/tmp' }).map(([key, value]) => ({
    name: key,
    value,
  }));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
    spec: {
      // A second pod would cast the same votes again.
      backoffLimit: 0,
      activeDeadlineSeconds: deadlineSeconds,
      ttlSecondsAfterFinished: 3_600,
      template: {
        metadata: { labels: metadata.labels },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 12_345,
            runAsGroup: 12_345,
            fsGroup: 12_345,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'k6',
              image,
              imagePullPolicy: pullPolicy,
              args: ['run', '--quiet', '--no-usage-report', '/scripts/in-cluster.ts'],
              env,
              resources: { requests: { cpu: '250m', memory: '256Mi' }, limits: { memory: '4Gi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [
                { name: 'scripts', mountPath: '/scripts', readOnly: true },
                { name: 'roll', mountPath: '/roll', readOnly: true },
                { name: 'tmp', mountPath: '/tmp' },
              ],
            },
          ],
          volumes: [
            { name: 'scripts', configMap: { name: `${name}-scripts` } },
            {
              name: 'roll',
              projected: {
                sources: Array.from({ length: slices }, (_, i) => ({
                  secret: { name: `${name}-roll-${i}` },
                })),
              },
            },
            { name: 'tmp', emptyDir: {} },
          ],
        },
      },
    },
  };
}

/** The electors as files of at most {@link SLICE_BYTES}, each with a header. */
function sliced(electors: readonly string[]): string[] {
  const slices: string[] = [];
  let lines: string[] = [];
  let bytes = 0;
  for (const elector of electors) {
    if (bytes + elector.length + 1 > SLICE_BYTES) {
      slices.push(`nas,code\n${lines.join('\n')}\n`);
      [lines, bytes] = [[], 0];
    }
    lines.push(elector);
    bytes += elector.length + 1;
  }
  return [...slices, `nas,code\n${lines.join('\n')}\n`];
}

/** What stands before the summary in the log, and the summary itself: the JSON document that ends it. */
export function splitLog(log: string): { text: string; summary: string } {
  const end = log.lastIndexOf('}') + 1;
  for (let start = log.lastIndexOf('\n{', end); start >= 0; start = log.lastIndexOf('\n{', start - 1)) {
    try {
      const summary = log.slice(start + 1, end);
      const parsed = JSON.parse(summary) as { metrics?: unknown };
      if (parsed.metrics) return { text: log.slice(0, start + 1), summary };
    } catch {
      // A brace of the text before it.
    }
  }
  throw new Error('k6’s log has no summary');
}
