import { expect, it } from '@jest/globals';
import { allowedCores, splitCores } from './cores.ts';

it('reads the list of cores as Linux writes it', () => {
  expect(allowedCores('0-3,8')).toEqual([0, 1, 2, 3, 8]);
  expect(allowedCores('5')).toEqual([5]);
});

it.each([
  [[0, 1], { system: '0', generator: '1' }],
  [[2, 3, 8], { system: '2', generator: '3,8' }],
  [[7], undefined],
])('splits %j', (cores, split) => {
  expect(splitCores(cores)).toEqual(split);
});
