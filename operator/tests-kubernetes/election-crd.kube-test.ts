import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ElectionStatus } from '../src/election-resource.ts';
import { GROUP, PLURAL, VERSION } from '../src/kubernetes/election-names.ts';
import { messageOf } from '../src/kubernetes/kube-error.ts';
import { parseElection } from '../src/read-election.ts';
import { type Cluster, startCluster } from './testing/cluster.ts';
import { sampleElection, sampleLaw } from './testing/sample-election.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

const elections = { group: GROUP, version: VERSION, plural: PLURAL, namespace: 'default' };
type Stored = ReturnType<typeof sampleElection> & { metadata: object; status?: Partial<ElectionStatus> };

/** The Election as it is stored, or the API server's refusal. What is stored is an Election for the operator too. */
async function create(body: object): Promise<Stored | string> {
  let stored: Stored;
  try {
    stored = await cluster.clients.custom.createNamespacedCustomObject({ ...elections, body });
  } catch (error) {
    return messageOf(error);
  }
  parseElection(stored);
  return stored;
}

/** A stored Election's spec with these changes; resolves with the refusal, or with nothing. */
async function change(name: string, changes: object): Promise<string> {
  try {
    const stored = (await cluster.clients.custom.getNamespacedCustomObject({ ...elections, name })) as Stored;
    const body = { ...stored, spec: { ...stored.spec, ...changes } };
    await cluster.clients.custom.replaceNamespacedCustomObject({ ...elections, name, body });
    return '';
  } catch (error) {
    return messageOf(error);
  }
}

async function setStatus(name: string, status: Partial<ElectionStatus>): Promise<void> {
  const stored = (await cluster.clients.custom.getNamespacedCustomObject({ ...elections, name })) as Stored;
  const body = { ...stored, status };
  await cluster.clients.custom.replaceNamespacedCustomObjectStatus({ ...elections, name, body });
}

describe('the API server', () => {
  test('fills in the defaults, at any depth', async () => {
    const source = { persistentVolumeClaim: { claimName: 'roll' } };
    expect(await create(sampleElection('defaults', { electorate: { source } }))).toMatchObject({
      spec: {
        electorate: {
          source: { persistentVolumeClaim: { claimName: 'roll', path: '.' } },
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
      },
    });
  });

  const http = (url: string, more = {}) => ({ electorate: { source: { http: { url, ...more } } } });
  const volume = (path: string) => ({
    electorate: { source: { persistentVolumeClaim: { claimName: 'c', path } } },
  });
  const both = { configMap: { name: 'a' }, secret: { name: 'b' } };
  const s3 = { endpoint: 'ftp://s3.example', bucket: 'roll', credentialsSecretName: 'keys' };

  test.each<[what: string, changes: Record<string, unknown>, refusal: RegExp | string]>([
    ['no law', { laws: [] }, /spec\.laws.*should have at least 1 items/],
    ['no laws at all', { laws: undefined }, 'spec.laws: Required value'],
    ['256 laws', { laws: Array.from({ length: 256 }, (_, i) => sampleLaw(`l${i}`)) }, 'spec.laws: Too many'],
    [
      'a law twice',
      { laws: [sampleLaw('a'), sampleLaw('b'), sampleLaw('a')] },
      'spec.laws[2]: Duplicate value',
    ],
    ['a law id with a colon', { laws: [sampleLaw('a:b')] }, /spec\.laws\[0\]\.id/],
    ['a law id of 41 characters', { laws: [sampleLaw('a'.repeat(41))] }, /spec\.laws\[0\]\.id/],
    ['a title in one language', { title: { fr: 'Seul' } }, 'spec.title.en: Required value'],
    ['an empty title', { title: { fr: '', en: '' } }, /spec\.title\.fr.*at least 1 chars/],
    [
      'a closing at the opening',
      { closesAt: '2027-06-01T12:00:00Z' },
      /spec\.closesAt: Invalid value: .*must be after opensAt/,
    ],
    ['a closing before it', { closesAt: '2027-05-01T00:00:00Z' }, 'must be after opensAt'],
    ['a moment without time zone', { opensAt: '2027-06-01T08:00:00' }, /spec\.opensAt/],
    ['a day that is not', { opensAt: '2027-02-30T08:00:00Z' }, /spec\.opensAt.*date-time/],
    ['a day without time', { opensAt: '2027-06-01' }, /spec\.opensAt/],
    ['no electorate', { electorate: undefined }, 'spec.electorate: Required value'],
    ['no electorate source', { electorate: { source: {} } }, 'must have exactly one of configMap, secret,'],
    ['two electorate sources', { electorate: { source: both } }, 'must have exactly one of configMap,'],
    ['a path out of the volume', volume('a/../../etc'), /path.*must not lead out of the volume/],
    ['a file as address', http('file:///etc/passwd'), /http\.url.*must be an http or https address/],
    ['a bare path as address', http('/roll.json'), 'must be an http or https address'],
    ['no address', http('roll'), 'must be an http or https address'],
    ['a bucket behind FTP', { electorate: { source: { s3 } } }, /endpoint.*an http or https address/],
    ['a checksum that is none', http('https://a.example/f', { sha256: 'abc' }), /sha256.*should match/],
    [
      'nobody expected',
      { electorate: { source: { secret: { name: 'a' } }, expected: 0 } },
      /expected.*greater than or equal to 1/,
    ],
    [
      'half a batch',
      { electorate: { source: { secret: { name: 'a' } }, batchSize: 0.5 } },
      /batchSize.*must be of type integer/,
    ],
    ['a results policy of one’s own', { results: 'never' }, 'Unsupported value: "never"'],
    ['another revote policy', { revote: 'last' }, 'Unsupported value: "last"'],
    ['a Secret’s name in capitals', { pepperSecretName: 'Pepper' }, /pepperSecretName.*should match/],
    ['text for a switch', { luhn: 'yes' }, /spec\.luhn.*must be of type boolean/],
  ])('refuses %s', async (_, changes, refusal) => {
    expect(await create(sampleElection('bad', changes))).toEqual(expect.stringMatching(toPattern(refusal)));
  });

  test.each([
    ['a.b', /metadata\.name must be 1 to 40/],
    ['a'.repeat(41), /metadata\.name must be 1 to 40/],
  ])('refuses the name %s', async (name, refusal) => {
    expect(await create(sampleElection(name))).toEqual(expect.stringMatching(refusal));
  });

  test('takes a name of 40 characters, and addresses and paths of all sorts', async () => {
    const name = 'e'.repeat(40);
    const url = 'https://user@roll.example:8443/a/b.json?x=1&y=%20#z';
    for (const [i, changes] of [http(url), http('http://10.0.0.1/f'), volume('a..b/..c/d')].entries())
      expect(await create(sampleElection(`sort-${i}`, changes))).toHaveProperty('metadata.uid');
    expect(await create(sampleElection(name))).toHaveProperty('metadata.name', name);
  });

  test('tells a person who mistypes a field', async () => {
    const election = sampleElection('mistyped', { suspended: true });
    const { code, err } = await cluster.kubectl(['create', '-f', '-'], JSON.stringify(election));
    expect(code).not.toBe(0);
    expect(err).toContain('unknown field "spec.suspended"');
  });
});

describe('once voting has begun', () => {
  const laws = [sampleLaw('loi-1'), sampleLaw('loi-2')];
  const electorate = { source: { configMap: { name: 'another' } } };
  const opensAt = '2027-06-01T09:00:00-04:00';
  const closesAt = '2027-06-02T20:00:00-04:00';

  test('everything may change before', async () => {
    await create(sampleElection('before'));
    expect(await change('before', { laws })).toBe('');
    await setStatus('before', { phase: 'Scheduled', conditions: [] });
    expect(await change('before', { laws: [sampleLaw('x')], electorate, opensAt, closesAt })).toBe('');
  });

  test.each(['Open', 'Draining', 'Closed'] as const)(
    'laws, electorate and opening are fixed while %s',
    async (phase) => {
      const name = `fixed-${phase.toLowerCase()}`;
      await create(sampleElection(name));
      await setStatus(name, { phase, conditions: [] });
      expect(await change(name, { laws })).toContain(
        'spec.laws: Forbidden: laws can’t change after the election has opened',
      );
      expect(await change(name, { electorate })).toContain('spec.electorate: Forbidden: electorate can’t');
      expect(await change(name, { opensAt })).toContain('spec.opensAt: Forbidden: opensAt can’t');
      expect(await change(name, { suspend: true, results: 'live' })).toBe('');
      await setStatus(name, { phase, conditions: [], votes: 3 });
    },
  );

  test('the closing may be put off while Open, and not once it has come', async () => {
    await create(sampleElection('closing'));
    await setStatus('closing', { phase: 'Open', conditions: [] });
    expect(await change('closing', { closesAt })).toBe('');
    await setStatus('closing', { phase: 'Closed', conditions: [] });
    expect(await change('closing', { closesAt: '2027-06-03T20:00:00Z' })).toContain(
      'spec.closesAt: Forbidden: closesAt can’t change after the election has closed',
    );
  });

  test('who writes the spec can’t lift the lock by writing a status', async () => {
    await create(sampleElection('locked'));
    await setStatus('locked', { phase: 'Open', conditions: [] });
    const stored = (await cluster.clients.custom.getNamespacedCustomObject({
      ...elections,
      name: 'locked',
    })) as Stored;
    const body = { ...stored, spec: { ...stored.spec, laws }, status: { phase: 'Pending', conditions: [] } };
    const put = cluster.clients.custom.replaceNamespacedCustomObject({ ...elections, name: 'locked', body });
    expect(await put.then(() => 'taken', messageOf)).toContain('laws can’t change');
  });
});

describe('kubectl', () => {
  test('shows where elections stand, by the short name and among all', async () => {
    await create(sampleElection('shown'));
    const bare = await cluster.kubectl(['get', 'el', 'shown']);
    expect(bare.out).toMatch(/^NAME +PHASE +ELIGIBLE +VOTES +TURNOUT +OPENS +CLOSES +AGE\nshown /);
    await setStatus('shown', {
      phase: 'Open',
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Open',
          message: 'Votes are taken',
          lastTransitionTime: '2027-06-01T12:00:00.000Z',
        },
      ],
      electorate: { processed: 11, unique: 10, duplicates: 1, errors: 0 },
      votes: 4,
      turnout: '40.00%',
    });
    const wide = await cluster.kubectl(['get', 'el', 'shown', '-o', 'wide', '--no-headers']);
    expect(wide.out.trim().split(/ {2,}/)).toEqual([
      ...['shown', 'Open', '10', '4', '40.00%', '2027-06-01T08:00:00-04:00', '2027-06-01T20:00:00-04:00'],
      expect.stringMatching(/^\d+s$/),
      'Votes are taken',
    ]);
    expect((await cluster.kubectl(['get', 'all'])).out).toContain('election.scrutin.dev/shown');
  });

  test('explains every field of the spec', async () => {
    const { out } = await cluster.kubectl(['explain', 'election.spec']);
    expect(out).toContain('The election as it is wanted: what is voted on, when, by whom');
    const fields = [...out.matchAll(/^ {2}(\w+)\t<.*\n(?: {2}enum:.*\n)?( {4}\S.*)?/gm)];
    expect(fields.map(([, name]) => name)).toEqual(
      expect.arrayContaining(['title', 'laws', 'opensAt', 'closesAt', 'electorate', 'reclaimPolicy']),
    );
    expect(fields.filter(([, , sentence]) => !sentence).map(([, name]) => name)).toEqual([]);
    const about = await cluster.kubectl(['explain', 'election']);
    expect(about.out).toContain('A referendum on one or more laws');
    const deep = await cluster.kubectl(['explain', 'election.spec.electorate.source.http.sha256']);
    expect(deep.out).toContain('SHA-256 that the file must have');
  });
});

const toPattern = (refusal: RegExp | string): RegExp =>
  refusal instanceof RegExp ? refusal : new RegExp(refusal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
