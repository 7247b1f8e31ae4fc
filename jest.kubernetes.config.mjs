import base from './jest.config.mjs';

/** The tests that need a Kubernetes API server: `npm run test:operator` builds it and runs them. */
export default {
  ...base,
  // An API server takes seconds to start, and one that was killed as long to come back; some tests wait for several, and for leases.
  testTimeout: 300_000,
  testMatch: ['**/operator/tests-kubernetes/**/*.kube-test.ts'],
  // Each file has an API server of its own, of half a gigabyte.
  maxWorkers: 1,
};
