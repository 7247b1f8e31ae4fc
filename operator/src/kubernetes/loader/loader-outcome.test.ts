import { expect, test } from '@jest/globals';
import { outcomeText, parseOutcome } from './loader-outcome.ts';

const RESULT = { digest: 'ab'.repeat(32), processed: 9, unique: 4, duplicates: 0, errors: 5 };

test('what a load ends with is read as it was written', () => {
  const result = { ...RESULT, samples: ['roll.txt:7: not a hash'] };
  expect(parseOutcome(outcomeText(result))).toEqual(result);
  const failure = { reason: 'SourceMissing', message: 'the folder is not there', lasting: true };
  expect(parseOutcome(outcomeText(failure))).toEqual(failure);
});

test('what a kill left behind is no outcome', () => {
  expect([undefined, '', '{"digest": "ab', '{}'].map(parseOutcome)).toEqual(Array(4).fill(undefined));
});

test('long names of files, in any script, take no more room than the kubelet keeps', () => {
  const samples = Array.from({ length: 5 }, (_, i) => `選挙人名簿${'名'.repeat(280)}.txt:${i}: not a hash`);
  const text = outcomeText({ ...RESULT, samples });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
  expect(parseOutcome(text)).toEqual({ ...RESULT, samples: samples.slice(0, 4) });
  const failure = { reason: 'LoadFailed', message: '\u0001'.repeat(1_000), lasting: false };
  const told = outcomeText(failure);
  expect(Buffer.byteLength(told)).toBeLessThanOrEqual(4_096);
  expect(parseOutcome(told)).toMatchObject({ reason: 'LoadFailed', message: expect.stringMatching(/…$/) });
});
