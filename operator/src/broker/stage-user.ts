import { EXCHANGE, QUEUES, virtualHost } from '@scrutin/shared/topology.ts';
import { StepError } from '../reconcile/conditions.ts';
import type { ManagementApi } from './management-api.ts';

/** Whom the stages connect as, by RABBITMQ_URL. */
export interface StageUser {
  name: string;
  /** With it a user that is not there is made; empty if the address has none. */
  password: string;
}

/** What the stages do: publish to the exchange, take from the queues. They make nothing. */
const STAGE_RIGHTS = {
  configure: '^$',
  write: `^${EXCHANGE}$`,
  read: `^(${Object.values(QUEUES).join('|')})$`,
} as const;

/** A tag gives no rights; it tells whose the user is, so that it goes with its election and nobody else's goes. */
const tagOf = (electionId: string): string => `election:${electionId}`;

/**
 * Makes the stages' user if it is not there, with no right but the stages' on the election's virtual host. Resolves with what
 * was made, in words. Rights that it has there are left as they are. Throws {@link StepError} if there is no such user and
 * no password to make it with.
 */
export async function ensureStageUser(
  api: ManagementApi,
  electionId: string,
  { name, password }: StageUser,
): Promise<string[]> {
  const vhost = virtualHost(electionId);
  if ((await api.get('permissions', vhost, name)).status !== 404) return [];
  const made: string[] = [];
  if ((await api.get('users', name)).status === 404) {
    if (password === '')
      throw new StepError(
        'UserMissing',
        `RabbitMQ has no user ${name}, and RABBITMQ_URL, by which the stages connect, has no password to make it with; make it, or correct the address`,
        { lasting: true },
      );
    await api.put({ password, tags: tagOf(electionId) }, 'users', name);
    made.push(`user ${name}`);
  }
  await api.put(STAGE_RIGHTS, 'permissions', vhost, name);
  return [...made, `rights of ${name}`];
}

/** Removes the stages' user if it was made for this election. Absent is success (P7). */
export async function removeStageUser(
  api: ManagementApi,
  electionId: string,
  { name }: StageUser,
): Promise<void> {
  const { status, body } = await api.get('users', name);
  if (status === 404) return;
  // A list; up to RabbitMQ 3.8 one text, with commas.
  const { tags } = body as { tags: string | string[] };
  if ([tags].flat().join().split(',').includes(tagOf(electionId))) await api.delete('users', name);
}
