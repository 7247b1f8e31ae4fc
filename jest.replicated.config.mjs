import base from './jest.config.mjs';

/** The tests on replicated servers: `npm run test:replicated`. */
export default {
  ...base,
  testMatch: ['**/tests/replicated/**/*.replicated-test.ts'],
  reporters: ['default', '<rootDir>/tests/replicated/tell-progress.ts'],
  // They start a dozen servers.
  maxWorkers: 1,
};
