/** What each image holds, and what runs in it. The Dockerfile has a target of each name. */
export interface Target {
  /** Folders of the project, whole but for tests; `services/shared` is in every image. */
  folders: readonly string[];
  /** Programs that are run in it, the image's own command first. */
  programs: readonly [string, ...string[]];
  /** HTTP port, also of the health check. */
  port: number;
}

const stage = (name: string, port: number): Target => ({
  folders: [`services/${name}`, 'services/shared'],
  programs: [`services/${name}/src/main.ts`],
  port,
});

export const TARGETS = {
  ingestion: stage('ingestion', 3001),
  validation: stage('validation', 3002),
  aggregation: stage('aggregation', 3003),
  results: stage('results', 3004),
  operator: {
    folders: ['operator', 'services/shared'],
    programs: [
      'operator/src/main.ts',
      'operator/src/local.ts',
      'operator/src/kubernetes/loader/load-electorate-job.ts',
    ],
    port: 3005,
  },
} as const satisfies Record<string, Target>;

export type TargetName = keyof typeof TARGETS;

/** Packages that a program asks for by a name in a variable, so that no import tells: LOG_FORMAT=pretty. */
export const LOADED_BY_NAME = ['pino-pretty'] as const;

/** Of these packages only some files are served. */
export const PARTS: Readonly<Record<string, readonly string[]>> = {
  'swagger-ui-dist': [
    'package.json',
    'LICENSE',
    'NOTICE',
    'swagger-ui.css',
    'swagger-ui-bundle.js',
    'favicon-32x32.png',
  ],
};

/**
 * Packages that others name and nobody needs at run time: types, another JavaScript runtime's own (bare), a
 * telemetry hook, Node itself (the base has it).
 */
export const isLeftOut = (name: string): boolean =>
  /^(@types\/|bare-)/.test(name) || name === '@scarf/scarf' || name === 'node';

const TEST_FOLDER = /^(tests?|tests-kubernetes|testing|__tests__|bench)$/;

/** True for a source file that a running process has no use of; `path` is relative to its target's folder. */
export const isForTests = (path: string): boolean =>
  /\.test\.ts$/.test(path) || path.split('/').some((part) => TEST_FOLDER.test(part));

const IDLE_FOLDER =
  /^(tests?|__tests__|examples?|benchmarks?|bench|coverage|docs?-assets|\.github|\.vscode|\.husky)$/;
const IDLE_FILE =
  /\.(md|markdown|map|ts|mts|cts|flow|tsbuildinfo|html|patch)$|^(\.|tsconfig|AUTHORS|CHANGELOG|HISTORY|Makefile|Gruntfile|gulpfile)/i;

/** True for a file of an npm package that isn't needed to run it; licences stay. `path` is relative to the package. */
export function isIdle(path: string): boolean {
  const parts = path.split('/');
  const file = parts.pop()!;
  return IDLE_FILE.test(file) || parts.some((part) => IDLE_FOLDER.test(part));
}
