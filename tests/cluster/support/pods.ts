import { pause } from '@scrutin/shared/retry.ts';
import { getJson, kubectl } from './cluster.ts';

export interface Pod {
  metadata: { name: string; uid: string; labels: Record<string, string>; deletionTimestamp?: string };
  status: { podIP?: string; conditions?: { type: string; status: string }[] };
}

const COMPONENT = 'app.kubernetes.io/component';

export const componentOf = ({ metadata }: Pod): string => metadata.labels[COMPONENT] ?? '';

const isReady = ({ status }: Pod): boolean =>
  status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

/** The pods of these components in a namespace: those of an election, or the operator's. Those on their way out are left out. */
export async function podsOf(namespace: string, components: readonly string[]): Promise<Pod[]> {
  const { items } = await getJson<{ items: Pod[] }>(
    namespace,
    'pods',
    `--selector=${COMPONENT} in (${components.join(',')})`,
  );
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/**
 * Deletes a pod as a drained node does, in order, and resolves when it is gone and as many as before are ready of its
 * component.
 */
export async function replacePod(namespace: string, pod: Pod): Promise<void> {
  const component = componentOf(pod);
  const before = (await podsOf(namespace, [component])).filter(isReady).length;
  await kubectl(['delete', 'pod', '--namespace', namespace, pod.metadata.name, '--timeout=120s']);
  const deadline = Date.now() + 300_000;
  for (;;) {
    const others = (await podsOf(namespace, [component])).filter(
      ({ metadata }) => metadata.uid !== pod.metadata.uid,
    );
    if (others.filter(isReady).length >= before) return;
    if (Date.now() > deadline) throw new Error(`nothing has come in the place of ${pod.metadata.name}`);
    await pause(500);
  }
}

/** Resolves when none of these pods is there any more. */
export async function untilGone(namespace: string, old: readonly Pod[]): Promise<void> {
  const uids = new Set(old.map(({ metadata }) => metadata.uid));
  const deadline = Date.now() + 300_000;
  for (;;) {
    const { items } = await getJson<{ items: Pod[] }>(namespace, 'pods');
    const left = items.filter(({ metadata }) => uids.has(metadata.uid));
    if (left.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`still there: ${left.map(({ metadata }) => metadata.name).join(', ')}`);
    await pause(500);
  }
}
