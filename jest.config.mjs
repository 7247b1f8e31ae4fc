/** TypeScript as ES modules, transformed by swc; the servers that tests talk to are started once per run. */
export default {
  testEnvironment: 'node',
  // A test with a database or a virtual host of its own takes seconds on a machine that is busy.
  testTimeout: 60_000,
  // Much of a test's time is waiting for a server, also where there are two cores only.
  maxWorkers: 2,
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/.scrutin/'],
  modulePathIgnorePatterns: ['/.scrutin/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
