import type { Reconciled } from '../reconcile/reconcile.ts';

/** When an Election is looked at again although nothing of it has changed: with backoff the pause grows each time. */
export type NextLook = 'at once' | 'with backoff' | { afterMs: number };

/** How much less often an Election is looked at that is closed: nothing moves there any more. */
const CLOSED_FACTOR = 10;

/** What only a person can mend is not hurried. The resyncs of many Elections are spread, so that they don't come all at once. */
export function nextLook({ requeueAfterMs, status, failure }: Reconciled, resyncMs: number): NextLook {
  if (failure && !failure.lasting) return 'with backoff';
  const resync = (status.phase === 'Closed' ? CLOSED_FACTOR : 1) * resyncMs * (0.9 + Math.random() * 0.2);
  return { afterMs: Math.min(requeueAfterMs ?? resync, resync) };
}
