import { expect, test } from '@jest/globals';
import type { RawElection } from './election-informer.ts';
import { isOwnWrite } from './own-write.ts';

const WRITTEN = { phase: 'Open', votes: 2 };
const worked = (metadata: Partial<RawElection['metadata']> = {}, status: unknown = WRITTEN): RawElection => ({
  metadata: { name: 'a', namespace: 'ns', uid: 'u', resourceVersion: '1', generation: 1, ...metadata },
  status,
});
const seen = (election: RawElection) => isOwnWrite(worked({}, { phase: 'Scheduled' }), election, WRITTEN);

test('the status that this process wrote is no news', () => {
  expect(seen(worked({ resourceVersion: '2' }))).toBe(true);
});

test.each([
  ['its spec was changed', worked({ generation: 2 })],
  ['it is to be deleted', worked({ deletionTimestamp: '2027-01-01T00:00:00Z' })],
  ['somebody asks by an annotation', worked({ annotations: { look: 'now' } })],
  ['it was made anew', worked({ uid: 'v' })],
  ['somebody else wrote its status', worked({}, { phase: 'Open', votes: 3 })],
  ['its status was taken away', { ...worked(), status: undefined }],
])('an Election is looked at when %s', (_what, election) => {
  expect(seen(election)).toBe(false);
});
