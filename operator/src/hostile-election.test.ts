import { describe, expect, it } from '@jest/globals';
import { publishedElectionSchema } from '@scrutin/shared/election.ts';
import fc from 'fast-check';
import { type Election, toPublished } from './election-resource.ts';
import { ElectionError, parseElection, parseElectionText } from './read-election.ts';
import { testElection } from './reconcile/testing/election.ts';

const good = (): Record<string, unknown> => structuredClone({ ...testElection() });

/** What is wrong with it; empty if it is taken. Anything but an {@link ElectionError} fails the test. */
function problemsOf(work: () => Election): readonly string[] {
  try {
    const election = work();
    // What is taken can be told to the stages.
    publishedElectionSchema.parse(toPublished(election, 1, { shards: 1, bucketBits: 0 }));
    return [];
  } catch (error) {
    if (!(error instanceof ElectionError)) throw error;
    return error.problems;
  }
}

/** A member's path, then a sentence; few of them, and none without an end. */
function expectClear(problems: readonly string[]): void {
  expect(problems.length).toBeLessThanOrEqual(21);
  for (const problem of problems) {
    expect(problem.length).toBeLessThanOrEqual(301);
    expect(problem).toMatch(/^(?:[^\n]*: .|and \d+ more problems$)/s);
  }
}

/** All paths of a document. */
function paths(value: unknown, at: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, member]) => paths(member, [...at, key]))];
}

/** The document with something else at a path. */
function withAt(document: unknown, [key, ...rest]: string[], value: unknown): unknown {
  if (key === undefined) return value;
  const copy = (Array.isArray(document) ? [...document] : { ...(document as object) }) as Record<
    string,
    unknown
  >;
  copy[key] = withAt(copy[key], rest, value);
  return copy;
}

const anything = fc.oneof(
  fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withMap: true, maxDepth: 4 }),
  fc.constantFrom(
    '',
    '\0',
    '\ud800',
    '9999-12-31T23:59:59-23:59',
    '0000-01-01T00:00:00+23:59',
    1e300,
    -0,
    Number.NaN,
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constant('x'.repeat(100_000)),
);
const key = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'é', '\0', ''),
  fc.string(),
);

describe('a hostile Election', () => {
  it('with anything anywhere in it is told by the member’s path, or can be carried out', () => {
    const places = paths(good());
    fc.assert(
      fc.property(fc.constantFrom(...places), anything, (path, value) =>
        expectClear(problemsOf(() => parseElection(withAt(good(), path, value)))),
      ),
      { numRuns: 1_000 },
    );
  });

  it('with members that there are not is told each of them, also those that objects inherit', () => {
    fc.assert(
      fc.property(fc.constantFrom('spec', 'spec.electorate', 'spec.title'), key, (where, name) => {
        const [first, second] = where.split('.') as [string, string | undefined];
        const text = JSON.stringify(good());
        const open = second === undefined ? '"spec":{' : `"${second}":{`;
        const problems = problemsOf(() =>
          parseElectionText(text.replace(open, () => `${open}${JSON.stringify(name)}:{"luhn":true},`)),
        );
        expect(first).toBe('spec');
        expect(problems).toHaveLength(1);
        expectClear(problems);
        expect(({} as { luhn?: boolean }).luhn).toBeUndefined();
      }),
      {
        numRuns: 200,
        examples: [
          ['spec', '__proto__'],
          ['spec.title', 'constructor'],
        ],
      },
    );
  });

  it('of any text at all is refused in words', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), fc.json({ maxDepth: 6 })),
        fc.nat({ max: 2_000 }),
        (noise, at) => {
          const text = JSON.stringify(good(), null, 2);
          expectClear(problemsOf(() => parseElectionText(noise)));
          expectClear(problemsOf(() => parseElectionText(text.slice(0, at) + noise + text.slice(at))));
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    ['a line break', '\\n', '\\u000a'],
    ['a line break that YAML keeps where two stand', '\n\n', '\\u000a'],
    ['a carriage return', '\r', '\\u000d'],
    ['a terminal’s escape', '\x1b[2J', '\\u001b[2J'],
    ['a line separator', '\u2028', '\\u2028'],
  ])('with %s in a member’s name is told in one line', (_what, written, told) => {
    const text = JSON.stringify(good()).replace('"suspend"', () => `"sus${written}pend"`);
    expect(problemsOf(() => parseElectionText(text))).toEqual([
      `spec.sus${told}pend: there is no such field`,
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['20,000 brackets', '['.repeat(20_000), /nested too deeply/],
    ['10,000 objects in each other', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, /nested too deeply/],
    ['a member twice', 'kind: Election\nkind: Election', /unique at line 2, column 1$/],
    ['aliases of itself', 'a: &a [*a]', /^apiVersion: must be/],
    ['two documents', 'a: 1\n---\nb: 2', /multiple documents/],
    ['nothing', '', /^the document: /],
    ['NUL bytes', '\0\0\0', /^the document: /],
  ])('with %s is refused in words', (_what, text, problem) => {
    expect(problemsOf(() => parseElectionText(text))[0]).toMatch(problem);
  });

  it.each<[string, object, string]>([
    [
      '9,000 laws',
      { laws: Array.from({ length: 9_000 }, (_, i) => ({ id: `l${i}`, title: { fr: 'a', en: 'b' } })) },
      'spec.laws: ',
    ],
    ['a title of 900,000 characters', { title: { fr: 'x'.repeat(900_000), en: 'x' } }, 'spec.title.fr: '],
    [
      'a title that PostgreSQL can’t store',
      { title: { fr: 'a\0b', en: 'x' } },
      'spec.title.fr: must be text',
    ],
    ['half a character', { title: { fr: '\ud800', en: 'x' } }, 'spec.title.fr: must be text'],
    [
      'a moment past the year 9999 in UTC',
      { closesAt: '9999-12-31T23:59:59-23:59' },
      'spec.closesAt: must be a moment of',
    ],
    [
      'a moment before the year 0 in UTC',
      { opensAt: '0000-01-01T00:00:00+23:59' },
      'spec.opensAt: must be a moment of',
    ],
    ['30 February', { opensAt: '2026-02-30T00:00:00Z' }, 'spec.opensAt: must be a moment as'],
    ['the wrong types', { luhn: 'yes', suspend: 1 }, 'spec.luhn: '],
  ])('with %s is told by the path', (_what, spec, problem) => {
    const election = { ...good(), spec: { ...testElection().spec, ...spec } };
    const problems = problemsOf(() => parseElectionText(JSON.stringify(election)));
    expect(problems[0]).toContain(problem);
    expectClear(problems);
  });

  it('of 40,000 unknown members, or one of 900,000 characters, takes seconds at most and is told shortly', () => {
    const start = performance.now();
    const many = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`k${i}`, 1]));
    const spec = { ...testElection().spec, ...many };
    const problems = problemsOf(() => parseElectionText(JSON.stringify({ ...good(), spec })));
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toBe('and 39980 more problems');
    const long = { ...testElection().spec, ['x'.repeat(900_000)]: 1 };
    expectClear(problemsOf(() => parseElectionText(JSON.stringify({ ...good(), spec: long }))));
    // Each key compared with each other took minutes.
    expect(performance.now() - start).toBeLessThan(30_000);
  }, 60_000);
});
