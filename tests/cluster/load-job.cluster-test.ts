import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SCENARIOS } from '../../load-tests/k6/scenarios.ts';
import { miscounted } from '../../load-tests/run/check-counts.ts';
import { loadInCluster } from '../../load-tests/run/in-cluster.ts';
import { LocalCluster } from '../../scripts/cluster/local/local-cluster.ts';
import { SILENT } from '../support/silent.ts';
import { kubectlProgram } from './support/cluster.ts';
import { type InstalledElection, openElection } from './support/installed-election.ts';

let election: InstalledElection;
const folder = mkdtempSync(join(tmpdir(), 'scrutin-load-job-'));

beforeAll(async () => {
  // All votes of the load come from one pod.
  const values = { stages: { ingestion: { settings: { RATE_LIMIT_PER_MINUTE: 0 } } } };
  election = await openElection({ namespace: 'load-job', voters: 1_000, values });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await election?.remove();
});

test('k6 as a Job beside the election: what it counts is what is counted, and nothing of it stays', async () => {
  const roll = join(folder, 'roll.csv');
  const lines = election.electors.map(({ nas, code }) => `${nas},${code}\n`);
  writeFileSync(roll, `nas,code\n${lines.join('')}`, { mode: 0o600 });
  // The folder of the cluster is the one above its keys.
  const cluster = new LocalCluster(dirname(dirname(process.env.KUBECONFIG!)));
  const size = { rate: 20, seconds: 10 };
  const result = await loadInCluster({
    cluster: {
      kubectl: async () => ({ program: kubectlProgram(), args: [] }),
      loadImages: (files) => cluster.loadImages(files),
    },
    namespace: election.namespace,
    election: election.name,
    roll,
    scenario: 'smoke',
    size,
    votes: SCENARIOS.smoke.votes(size) + 2,
    first: 0,
    folder,
    drainSeconds: 60,
    steps: SILENT,
  });
  expect(result.summary.count('accepted_voters')).toBeGreaterThanOrEqual(190);
  expect(miscounted(result.summary, result.laws, result.before, result.after, false)).toEqual([]);
  const left = await election.kubectl(
    'get',
    'jobs,secrets,configmaps,pods',
    '--selector=app.kubernetes.io/name=scrutin-load',
    '--output=name',
  );
  expect(left).toBe('');
});
