import { Watch } from '@kubernetes/client-node';
import type { ElectionSource, RawElection, WatchEvent } from './election-informer.ts';
import { GROUP, PLURAL, VERSION } from './election-names.ts';
import type { KubeClients } from './kube-clients.ts';

/** Elections that a list's page holds. */
const PAGE = 500;
/** The server ends a watch after so long; spread, so that many don't end together. Seconds. */
const WATCH_SECONDS = 300;
/**
 * A watch that is silent for so long is taken for dead: the server sends a bookmark about every minute, so that a
 * connection of which the other end has vanished is noticed.
 */
const SILENCE_MS = 90_000;

interface ListAnswer {
  metadata?: { resourceVersion?: string; continue?: string };
  items: RawElection[];
}

/** The cluster's Elections, of all namespaces or of one. */
export function kubeElectionSource(
  clients: KubeClients,
  namespace?: string,
  silenceMs = SILENCE_MS,
): ElectionSource {
  const place = namespace === undefined ? '' : `/namespaces/${namespace}`;
  const path = `/apis/${GROUP}/${VERSION}${place}/${PLURAL}`;
  const watch = new Watch(clients.config);
  // The limit on silence has no public name in client-node 2.0.
  Object.assign(watch, { requestTimeoutMs: silenceMs });
  const page = (from: string | undefined): Promise<ListAnswer> => {
    const query = {
      group: GROUP,
      version: VERSION,
      plural: PLURAL,
      limit: PAGE,
      ...(from && { _continue: from }),
    };
    return namespace === undefined
      ? clients.custom.listClusterCustomObject(query)
      : clients.custom.listNamespacedCustomObject({ ...query, namespace });
  };
  return {
    list: async () => {
      const items: RawElection[] = [];
      for (let from: string | undefined; ; ) {
        const { items: some, metadata } = await page(from);
        items.push(...some);
        from = metadata?.continue || undefined;
        if (!from) return { items, resourceVersion: metadata?.resourceVersion ?? '' };
      }
    },
    watch: async (resourceVersion, onEvent, signal) => {
      const seconds = Math.round(WATCH_SECONDS * (1 + Math.random()));
      const query = { resourceVersion, allowWatchBookmarks: true, timeoutSeconds: seconds };
      let end: (error: unknown) => void = () => {};
      const ended = new Promise<void>((resolve, reject) => {
        end = (error) => (error && !signal.aborted ? reject(error as Error) : resolve());
      });
      const tell = (type: string, object: unknown) => onEvent({ type, object } as WatchEvent);
      // It resolves when the answer has begun, also if that was a refusal, which `end` has been told of.
      const connection = watch.watch(path, query, tell, (error) => end(error));
      const abort = () =>
        void connection.then(
          (controller) => controller.abort(),
          () => {},
        );
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      try {
        await Promise.all([connection, ended]);
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
  };
}
