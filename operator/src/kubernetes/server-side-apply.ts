import { type CoreV1Event, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import type { RawElection } from './election-informer.ts';
import { FIELD_MANAGER, GROUP, KIND, PLURAL, VERSION } from './election-names.ts';
import type { KubeClients } from './kube-clients.ts';

/** How every write of the operator is sent: what it applies is its own, and what others wrote stays theirs. */
export const applyOptions = () => setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply);

export const applyParameters = { fieldManager: FIELD_MANAGER, force: true } as const;

/**
 * Applies the operator's own part of an Election: `fields` beside its name, or its status. What was applied before and
 * is not in it any more is removed. With the uid, so that an Election that was deleted and made anew is left alone, and
 * none is made where there is none.
 */
export async function applyToElection(
  { custom }: KubeClients,
  { metadata: { name, namespace, uid } }: RawElection,
  part: { finalizers: readonly string[] } | { status: object },
): Promise<void> {
  const metadata = { name, namespace, uid, ...('finalizers' in part && { finalizers: part.finalizers }) };
  const body = {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: KIND,
    metadata,
    ...('status' in part && { status: part.status }),
  };
  const request = {
    group: GROUP,
    version: VERSION,
    plural: PLURAL,
    namespace,
    name,
    body,
    ...applyParameters,
  };
  // Two owners, so that applying one part doesn't take the other back.
  if ('status' in part)
    await custom.patchNamespacedCustomObjectStatus(
      { ...request, fieldManager: `${FIELD_MANAGER}-status` },
      applyOptions(),
    );
  else await custom.patchNamespacedCustomObject(request, applyOptions());
}

/** Applies an Event: makes it, or brings its count up to date. */
export async function applyEvent({ core }: KubeClients, event: CoreV1Event): Promise<void> {
  const { name = '', namespace = '' } = event.metadata;
  await core.patchNamespacedEvent({ name, namespace, body: event, ...applyParameters }, applyOptions());
}
