import { hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { PublishedElection } from '@scrutin/shared/election.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { electorHash, pepperFromHex, voterHash } from '@scrutin/shared/voter-hash.ts';
import { bucketOf, fieldOf, shardOf } from '@scrutin/shared/voter-slot.ts';
import type { HashSource } from '../../operator/src/electorate/hash-source.ts';
import { parseElection } from '../../operator/src/read-election.ts';

export const PEPPER = pepperFromHex('5c'.repeat(32));
export const LAWS = ['loi-1', 'loi-2'] as const;

/** The last one is not on the roll. */
export const PEOPLE = ['046454286', '130692544', '193456787', '999999998'].map((nas) => {
  const elector = electorHash(nas, 'A1B2C3');
  return { nas, code: 'A1B2C3', elector, voter: voterHash(elector, PEPPER) };
});
export const STRANGER = PEOPLE.length - 1;

const lines = PEOPLE.slice(0, STRANGER)
  .map(({ elector }) => `${elector.toString('hex')}\n`)
  .join('');

/** The roll as a file that is read from memory. */
export const SOURCE: HashSource = {
  name: 'roll',
  sizeBytes: lines.length,
  digest: async () => hash('sha256', lines, 'hex'),
  async *files() {
    const chunks = {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from(lines);
      },
      destroy() {},
    };
    yield { name: 'roll.txt', stream: chunks as unknown as Readable };
  },
};

const title = { fr: 'Essai', en: 'Test' };

/** The resource as the operator has it. */
export const resource = (shards: number) =>
  parseElection({
    apiVersion: 'scrutin.dev/v1alpha1',
    kind: 'Election',
    metadata: { name: 'model' },
    spec: {
      title,
      laws: LAWS.map((id) => ({ id, title })),
      opensAt: '2026-05-04T08:00:00Z',
      closesAt: '2026-05-04T20:00:00Z',
      electorate: { source: { persistentVolumeClaim: { claimName: 'roll' } }, shards },
      connectionSecretName: 'connections',
      pepperSecretName: 'pepper',
    },
  });

/** What the operator publishes of it. */
export const published = (shards: number): PublishedElection => ({
  id: 'model',
  title,
  laws: LAWS.map((id) => ({ id, title })),
  opensAt: '2026-05-04T08:00:00.000Z',
  closesAt: '2026-05-04T20:00:00.000Z',
  results: 'live',
  recordClients: false,
  luhn: false,
  suspended: false,
  eligible: STRANGER,
  layout: { shards, bucketBits: 0 },
});

/** Where Redis has the mark of somebody who has voted on a law: key and field (latin1). */
export function markOf(voter: Buffer, law: string, shards: number): [key: string, field: string] {
  const layout = { shards, bucketBits: 0 };
  const key = redisKeys.voted('model', shardOf(voter, layout), law) + bucketOf(voter, layout);
  return [key, fieldOf(voter).toString('latin1')];
}
