import { pause } from '@scrutin/shared/retry.ts';
import { imageName } from '../../../scripts/images/image-name.ts';
import { apply, kubectl } from './cluster.ts';

/** A pod that connections are tried from: its image has Node, no shell. */
export interface Source {
  name: string;
  namespace: string;
  pod: string;
  /** Names of the targets that it must reach; every other must refuse it. */
  reaches: (target: string) => boolean;
  /** Targets that nothing is said about. */
  mayReach?: (target: string) => boolean;
}

export interface Target {
  name: string;
  host: string;
  port: number;
}

const PROBE = `
  const tried = JSON.parse(process.argv[1]).map(({ host, port }) => new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 3000 });
    const end = (reached) => { socket.destroy(); resolve(reached); };
    socket.on('connect', () => end(true)).on('error', () => end(false)).on('timeout', () => end(false));
  }));
  Promise.all(tried).then((reached) => console.log(JSON.stringify(reached)));
`;

/** Which of the targets a TCP connection from the pod gets to, in their order. */
async function reached({ namespace, pod }: Source, targets: readonly Target[]): Promise<boolean[]> {
  const list = JSON.stringify(targets);
  return JSON.parse(
    await kubectl(['exec', '--namespace', namespace, pod, '--', 'node', '-e', PROBE, list]),
  ) as boolean[];
}

/** Pods that try at the same time: each starts a process, on one node. */
const AT_A_TIME = 4;

/**
 * What is reached and must not be, and what isn't and must be, in sentences; empty if all is right. Rules for a pod that has
 * just come follow in a moment, and names may be slow to resolve on a busy machine: what is wrong is asked again until it is
 * right or it has had 90 s.
 */
export async function reachFaults(
  sources: readonly Source[],
  targets: readonly Target[],
): Promise<{ faults: string[]; allowed: number; refused: number }> {
  let allowed = 0;
  let refused = 0;
  const faults: string[] = [];
  const waiting = [...sources];
  const tryAll = async (source: Source) => {
    // Each has its own time: on a busy machine the first ones alone may take longer than that.
    const deadline = Date.now() + 90_000;
    let left = targets.filter(({ name }) => !source.mayReach?.(name));
    for (;;) {
      const seen = await reached(source, left);
      const wrong = left.filter(({ name }, index) => seen[index] !== source.reaches(name));
      const right = left.filter((target) => !wrong.includes(target));
      const open = right.filter(({ name }) => source.reaches(name)).length;
      allowed += open;
      refused += right.length - open;
      left = wrong;
      if (left.length === 0) return;
      if (Date.now() > deadline) break;
      await pause(1_000);
    }
    for (const { name, host, port } of left)
      faults.push(
        `${source.name} ${source.reaches(name) ? 'does not reach' : 'reaches'} ${name} (${host}:${port})`,
      );
  };
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      for (let source = waiting.shift(); source; source = waiting.shift()) await tryAll(source);
    }),
  );
  return { faults, allowed, refused };
}

/** Starts a pod that does nothing, of a stage's image, and resolves with its name when it runs. */
export async function idlePod(
  namespace: string,
  name: string,
  labels: Record<string, string> = {},
): Promise<string> {
  await apply(namespace, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'idle',
          image: imageName('results'),
          command: ['node', '-e', 'setInterval(() => {}, 60_000)'],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  });
  await kubectl(['wait', '--namespace', namespace, `pod/${name}`, '--for=condition=Ready', '--timeout=300s']);
  return name;
}
