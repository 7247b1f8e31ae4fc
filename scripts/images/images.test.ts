import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { imageName, LOCAL_PREFIX } from './image-name.ts';
import { importsOf, reach } from './imports.ts';
import { INPUTS, inputsDigest } from './inputs.ts';
import { packageClosure } from './package-closure.ts';
import { SERVERS } from './server-images.ts';
import { isForTests, isIdle, isLeftOut, LOADED_BY_NAME, PARTS, TARGETS } from './targets.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8');
const dockerfile = read('Dockerfile');
const targets = Object.entries(TARGETS);

/** The stages of the Dockerfile: name → its lines. */
const stages = new Map(
  dockerfile
    .split(/^FROM /m)
    .slice(1)
    .map((text) => [/^\S+ AS (\S+)/.exec(text)![1]!, text]),
);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-images-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, text: string) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

describe('the Dockerfile', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) =>
    paths!.split(/\s+/),
  );

  test('copies only what is there, and .dockerignore lets it through', () => {
    expect(copied).toContain('services');
    expect(copied.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const kept = (path: string) => allowed.some((top) => path === top || path.startsWith(`${top}/`));
    expect(copied.filter((path) => !kept(path))).toEqual([]);
  });

  test('builds again when any file that it copies changes', () => {
    const others = copied.filter(
      (path) => !INPUTS.some((input) => path === input || path.startsWith(`${input}/`)),
    );
    expect(others).toEqual([]);
  });

  test.each(targets)(
    'has a target %s with its port, its program and nothing of another stage',
    (name, target) => {
      const stage = stages.get(name)!;
      expect(stage).toContain(`\nENV PORT=${target.port}\n`);
      expect(stage).toContain(`\nCMD ["${target.programs[0]}"]\n`);
      expect([...stage.matchAll(/^COPY (.*)$/gm)].map(([, what]) => what)).toEqual([
        `--from=layout /out/${name}/ /`,
      ]);
    },
  );

  test('runs as a user other than root, told by its number, and asks /livez without a shell', () => {
    const runtime = stages.get('runtime')!;
    expect(runtime).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(runtime).toMatch(/^HEALTHCHECK .* CMD \["node", "\/app\/livez.mjs"\]$/m);
    expect(runtime).toMatch(/^scratch AS runtime$/m);
  });

  test('holds no secret', () => {
    expect(dockerfile).not.toMatch(/^(ARG|ENV) .*(PASSWORD|PEPPER|TOKEN|SECRET)/m);
    expect(dockerfile).not.toMatch(/:\/\/[^/\s]*@/);
  });
});

describe('an image', () => {
  test.each(targets)('%s holds all that its programs import', (_name, target) => {
    const { files, missing, packages } = reach(PROJECT, target.programs);
    expect(missing).toEqual([]);
    expect(files.length).toBeGreaterThan(10);
    const inside = (file: string) => target.folders.some((top) => file.startsWith(`${top}/`));
    expect(files.filter((file) => !inside(file) || isForTests(file))).toEqual([]);
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    expect([...packages, ...LOADED_BY_NAME].filter((name) => !Object.hasOwn(dependencies, name))).toEqual([]);
    const closure = packageClosure(PROJECT, packages);
    expect(closure).toContain('node_modules/zod');
    expect(closure).not.toContain('node_modules/node');
  });

  test('has what sends traces, if votes pass through it', () => {
    const sends = targets.filter(([, { programs }]) =>
      packageClosure(PROJECT, reach(PROJECT, programs).packages).includes(
        'node_modules/@opentelemetry/sdk-trace',
      ),
    );
    expect(sends.map(([name]) => name)).toEqual(['ingestion', 'validation', 'aggregation']);
  });

  test.each(targets)('%s holds the files that its sources read beside themselves', (_name, target) => {
    const { files } = reach(PROJECT, target.programs);
    const beside = files.flatMap((file) =>
      [
        ...read(file)
          .replace(/^\s*\/?\*.*$/gm, '')
          .matchAll(/new URL\('([^'$]+)', import\.meta\.url\)/g),
      ].map(([, path]) => join(dirname(file), path!)),
    );
    const inside = (file: string) => target.folders.some((top) => file.startsWith(`${top}/`));
    expect(beside.filter((path) => !existsSync(join(PROJECT, path)) || !inside(path))).toEqual([]);
    expect(beside.filter((path) => isForTests(path))).toEqual([]);
  });

  test('has of Swagger UI the files that are served', () => {
    const served = /const ASSETS = \[([^\]]+)\]/.exec(read('services/shared/src/docs.ts'))![1]!;
    const names = [...served.matchAll(/'([^']+)'/g)].map(([, name]) => name!);
    expect(names.length).toBe(3);
    expect(PARTS['swagger-ui-dist']).toEqual(expect.arrayContaining(names));
  });
});

describe('the images’ names', () => {
  test('are those that are built, also where a manifest has to spell them, and no code spells them', () => {
    const names = [...Object.keys(TARGETS), ...SERVERS].join('|');
    const spelled = (pattern: string) =>
      globSync(pattern, { cwd: PROJECT })
        .filter((path) => !path.includes('node_modules'))
        .flatMap((path) =>
          [...read(path).matchAll(new RegExp(`${LOCAL_PREFIX}/(${names}):[\\w.]+`, 'g'))].map(
            ([image, name]) => ({ path, image, name: name! }),
          ),
        );
    const manifests = spelled('k8s/**/*.yaml');
    expect(manifests.map(({ image }) => image)).toContain(imageName('results'));
    for (const { path, image, name } of manifests) expect([path, image]).toEqual([path, imageName(name)]);
    expect(spelled('{scripts,tests,load-tests,operator,services}/**/*.ts')).toEqual([]);
  });
});

describe('what is left out of an image', () => {
  test('tests, types and papers go, programs and licences stay', () => {
    const gone = [
      'README.md',
      'dist/index.d.ts',
      'dist/a.js.map',
      'test/all.js',
      '.github/x.yml',
      'src/a.ts',
    ];
    const kept = ['package.json', 'LICENSE', 'lib/index.js', 'dist/a.mjs', 'a.json', 'lib/test.js', 'b.wasm'];
    expect(gone.filter((path) => !isIdle(path))).toEqual([]);
    expect(kept.filter(isIdle)).toEqual([]);
    expect(
      ['src/main.test.ts', 'src/testing/a.ts', 'bench/b.ts'].filter((path) => !isForTests(path)),
    ).toEqual([]);
    expect(isForTests('src/main.ts')).toBe(false);
    expect(['node', '@types/pg', 'pg'].map(isLeftOut)).toEqual([true, true, false]);
  });
});

describe('imports', () => {
  test('types are none; several lines, side effects, re-exports and dynamic imports are', () => {
    const source = `import type { A } from './a.ts';
import {
  b,
  type C,
} from './b.ts';
import './c.ts';
export * from './d.ts';
export type { E } from './e.ts';
const f = await import('./f.ts');
createRequire(import.meta.url).resolve('g/package.json');
// import './h.ts';
export const text = "from './i.ts'";
`;
    expect(importsOf(source).sort()).toEqual(['./b.ts', './c.ts', './d.ts', './f.ts', 'g/package.json']);
  });

  test('are followed into the shared package; what is not there is told', () => {
    put(
      'services/x/src/main.ts',
      "import '@scrutin/shared/log.ts';\nimport 'node:fs';\nimport './gone.ts';\n",
    );
    put('services/shared/src/log.ts', "import { pino } from 'pino';\nimport '@scope/p/deep.js';\n");
    const reached = reach(folder, ['services/x/src/main.ts']);
    expect(reached.files).toEqual(['services/x/src/main.ts', 'services/shared/src/log.ts']);
    expect([...reached.packages]).toEqual(['pino', '@scope/p']);
    expect(reached.missing).toEqual(['services/x/src/main.ts → services/x/src/gone.ts']);
  });
});

describe('the packages of an image', () => {
  const install = (path: string, manifest: object = {}) =>
    put(`node_modules/${path}/package.json`, JSON.stringify(manifest));

  test('are those named and all that they need, nested ones too, and no optional one that is not installed', () => {
    install('a', { dependencies: { b: '1', '@types/a': '1' }, optionalDependencies: { gone: '1' } });
    install('a/node_modules/b', { dependencies: { c: '1' } });
    install('b');
    install('c', { peerDependencies: { d: '1' } });
    install('d');
    install('unrelated');
    expect(packageClosure(folder, ['a'])).toEqual(
      ['a', 'a/node_modules/b', 'c', 'd'].map((path) => `node_modules/${path}`),
    );
  });

  test('must be installed', () => {
    install('a', { dependencies: { b: '1' } });
    expect(() => packageClosure(folder, ['a'])).toThrow('node_modules/a needs the package b');
  });
});

test('the digest of what goes into an image changes with a name, a byte and the base, and not with a test', () => {
  put('Dockerfile', 'FROM x');
  put('src/a.ts', 'a');
  const digest = (...others: string[]) => inputsDigest(folder, ['Dockerfile', 'src'], others);
  const first = digest('base');
  put('src/a.test.ts', 'test');
  expect(digest('base')).toBe(first);
  expect(digest('other base')).not.toBe(first);
  put('src/a.ts', 'b');
  expect(digest('base')).not.toBe(first);
});
