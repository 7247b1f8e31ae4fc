import base from './jest.config.mjs';

/** The tests of images, charts and KEDA on a cluster: `npm run test:cluster` makes it and runs them. */
export default {
  ...base,
  // An election with its servers takes half a minute to be there, on a machine that is busy longer.
  testTimeout: 600_000,
  testMatch: ['**/tests/cluster/**/*.cluster-test.ts'],
  // They share one node.
  maxWorkers: 1,
};
