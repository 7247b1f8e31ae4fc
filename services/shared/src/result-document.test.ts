import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { resultDigest, resultDocument } from './result-document.ts';

const title = { fr: 'Titre', en: 'Title' };
const law = (id: string) => ({ id, title });
const election = {
  id: 'demo',
  closesAt: '2026-10-06T00:00:00.000Z',
  laws: [law('loi-b'), law('loi-a'), law('Loi-c')],
};

test('the bytes and the digest are these, in this version and every later one', () => {
  const document = resultDocument(election, 10, [{ lawId: 'loi-a', oui: 3, non: 2 }], true);
  expect(document.toString()).toBe(
    '{"closes_at":"2026-10-06T00:00:00.000Z","election":"demo","eligible":10,"final":true,"format":"scrutin.result.v1",' +
      '"laws":[{"law_id":"Loi-c","non_count":0,"oui_count":0,"total_votes":0},' +
      '{"law_id":"loi-a","non_count":2,"oui_count":3,"total_votes":5},' +
      '{"law_id":"loi-b","non_count":0,"oui_count":0,"total_votes":0}]}\n',
  );
  // printf '%s\n' '{…}' | sha256sum
  expect(resultDigest(document)).toBe('73d1b3ac39498c0705a7835dddda3bca8dd85774f71a28d4368b54233e85ba07');
});

test('the order of laws and counts changes nothing, a law of another election is left out', () => {
  const counts = [
    { lawId: 'loi-a', oui: 3, non: 2 },
    { lawId: 'loi-b', oui: 1, non: 0 },
    { lawId: 'autre', oui: 9, non: 9 },
  ];
  const once = resultDocument(election, 10, counts, true);
  const reversed = { ...election, laws: election.laws.toReversed() };
  const other = resultDocument(reversed, 10, counts.toReversed(), true);
  expect(other.equals(once)).toBe(true);
});

test('any difference in a count, the electorate or finality is a difference in the digest', () => {
  const whole = fc.record({ oui: fc.nat(), non: fc.nat(), eligible: fc.nat(), final: fc.boolean() });
  const digest = (r: { oui: number; non: number; eligible: number; final: boolean }) =>
    resultDigest(resultDocument(election, r.eligible, [{ lawId: 'loi-a', oui: r.oui, non: r.non }], r.final));
  fc.assert(
    fc.property(whole, whole, (a, b) => {
      expect(digest(a) === digest(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});
