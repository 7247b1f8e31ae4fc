import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { publishedElectionSchema } from '@scrutin/shared/election.ts';
import { toPublished } from './election-resource.ts';
import { ElectionError, parseElection, parseElectionText, readElectionFile } from './read-election.ts';

const samples = join(import.meta.dirname, '../../k8s/samples');

const resource = (spec: object = {}) => ({
  apiVersion: 'scrutin.dev/v1alpha1',
  kind: 'Election',
  metadata: { name: 'demo' },
  spec: {
    title: { fr: 'Référendum', en: 'Referendum' },
    laws: [{ id: 'loi-1', title: { fr: 'Loi', en: 'Act' } }],
    opensAt: '2026-01-01T00:00:00Z',
    closesAt: '2026-01-02T00:00:00Z',
    electorate: { source: { persistentVolumeClaim: { claimName: 'electorate' } } },
    ...spec,
  },
});

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ElectionError) return error.problems;
    throw error;
  }
  return [];
}

describe('an Election', () => {
  test('has its defaults filled in', () => {
    expect(parseElection(resource()).spec).toMatchObject({
      electorate: {
        source: { persistentVolumeClaim: { claimName: 'electorate', path: '.' } },
        batchSize: 10_000,
        shards: 1,
      },
      connectionSecretName: 'scrutin-connections',
      pepperSecretName: 'scrutin-pepper',
      results: 'afterClose',
      recordClients: false,
      luhn: false,
      revote: 'first',
      suspend: false,
      reclaimPolicy: 'Retain',
    });
  });

  test('is told to the stages as they expect it, with moments in UTC', () => {
    const election = parseElection(resource({ opensAt: '2026-01-01T02:00:00+02:00', suspend: true }));
    const told = toPublished(election, 3, { shards: 1, bucketBits: 4 }, 'a'.repeat(64));
    expect(publishedElectionSchema.parse(told)).toEqual(told);
    expect(told).toMatchObject({ id: 'demo', suspended: true, eligible: 3, results: 'afterClose' });
    expect(Date.parse(told.opensAt)).toBe(Date.UTC(2026, 0, 1));
  });

  test.each<[string, object, RegExp]>([
    ['that closes before it opens', { closesAt: '2025-01-01T00:00:00Z' }, /^spec\.closesAt: .*after opensAt/],
    ['that closes as it opens', { closesAt: '2026-01-01T00:00:00Z' }, /^spec\.closesAt: /],
    ['with a moment that is none', { opensAt: 'tomorrow' }, /^spec\.opensAt: must be a moment/],
    ['without laws', { laws: [] }, /^spec\.laws: /],
    [
      'with a law twice',
      {
        laws: [
          { id: 'loi-1', title: { fr: 'a', en: 'a' } },
          { id: 'loi-1', title: { fr: 'b', en: 'b' } },
        ],
      },
      /^spec\.laws\.1\.id: loi-1 stands twice/,
    ],
    ['without a source', { electorate: { source: {} } }, /^spec\.electorate\.source: must have exactly one/],
    [
      'with two sources',
      { electorate: { source: { configMap: { name: 'a' }, secret: { name: 'b' } } } },
      /^spec\.electorate\.source: must have exactly one/,
    ],
    [
      'whose source leads out of the volume',
      { electorate: { source: { persistentVolumeClaim: { claimName: 'a', path: '../../etc' } } } },
      /path: must not lead out of the volume/,
    ],
    ['with an unknown policy for results', { results: 'sometimes' }, /^spec\.results: /],
    ['with a title in one language', { title: { fr: 'Référendum' } }, /^spec\.title\.en: /],
  ])('%s is refused, and the place is named', (_, spec, problem) => {
    const problems = problemsOf(() => parseElection(resource(spec)));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('with several faults is told all of them at once', () => {
    const problems = problemsOf(() =>
      parseElection({ ...resource({ laws: [], opensAt: 'x' }), apiVersion: 'v1', metadata: { name: 'NO!' } }),
    );
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(
      expect.arrayContaining(['apiVersion', 'metadata.name', 'spec.laws', 'spec.opensAt']),
    );
  });

  test.each([[null], [[]], ['text'], [7]])('that is %j is refused in words', (document) => {
    expect(problemsOf(() => parseElection(document))[0]).toMatch(/^the document: /);
  });
});

describe('an Election file', () => {
  test('that ends in the middle, or isn’t YAML, is told by its line', () => {
    expect(problemsOf(() => parseElectionText('kind: [Election'))[0]).toMatch(/line 1/);
    expect(problemsOf(() => parseElectionText('a: 1\na: 2'))[0]).toMatch(/line 2/);
  });

  test('whose aliases multiply is refused before it fills the memory', () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    expect(() => parseElectionText(bomb.join('\n'))).toThrow();
  });

  test('may be JSON as well', () => {
    expect(parseElectionText(JSON.stringify(resource())).metadata.name).toBe('demo');
  });

  test('that is not there is told in words', async () => {
    await expect(readElectionFile('/nowhere/election.yaml')).rejects.toThrow(
      /^\/nowhere\/election.yaml: .*there is no such file$/,
    );
  });

  test('of the samples is right as it is', async () => {
    const files = (await readdir(samples)).filter((name) => name.startsWith('election-'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) await expect(readElectionFile(join(samples, file))).resolves.toBeDefined();
    const demo = await readElectionFile(join(samples, 'election-demo.yaml'));
    expect(demo.metadata.name).toBe('demo');
    expect(demo.spec.laws).toHaveLength(2);
    expect(demo.spec.results).toBe('live');
  });

  test('is read as it was written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'scrutin-election-'));
    try {
      const path = join(folder, 'election.yaml');
      await writeFile(path, await readFile(join(samples, 'election-demo.yaml')));
      expect(await readElectionFile(path)).toEqual(
        await readElectionFile(join(samples, 'election-demo.yaml')),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
