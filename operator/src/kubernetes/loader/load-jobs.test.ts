import { beforeEach, expect, test } from '@jest/globals';
import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { testElection } from '../../reconcile/testing/election.ts';
import type { KubeClients } from '../kube-clients.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { LoadJobs } from './load-jobs.ts';

const RESULT = { digest: 'ab'.repeat(32), processed: 3, unique: 3, duplicates: 0, errors: 0, samples: [] };

const election = testElection();
let clock: FakeClock;
let job: V1Job | undefined;
let pods: V1Pod[];
let jobs: LoadJobs;
let ended: unknown;
/** What was allowed to load, in order, and whether the Job was there by then. */
let grants: { owner: string; made: boolean }[];
/** What the end of another source's load has done, in order. */
let steps: string[];
let removalFails: boolean;
let forbidden: boolean;

/** The pod's message is what the load has found; then, or later, the Job controller sees it. */
const endPod = () => {
  job!.status = { ready: 0 };
  pods = [{ status: { containerStatuses: [terminated(JSON.stringify(RESULT))] } }];
};
const terminated = (message: string) => ({
  name: 'load-electorate',
  image: '',
  imageID: '',
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode: 0, message } },
});

beforeEach(async () => {
  clock = new FakeClock();
  job = undefined;
  pods = [];
  ended = undefined;
  grants = [];
  steps = [];
  removalFails = false;
  forbidden = false;
  const grant = async (owner: string) => {
    const give = async () => void grants.push({ owner, made: job !== undefined });
    await give();
    return give;
  };
  const batch = {
    readNamespacedJob: async () => {
      if (forbidden) throw Object.assign(new Error('forbidden'), { statusCode: 403 });
      if (!job) throw Object.assign(new Error('not found'), { statusCode: 404 });
      return structuredClone(job);
    },
    patchNamespacedJob: async ({ body }: { body: V1Job }) => {
      job = { ...body, metadata: { ...body.metadata, uid: 'u' }, status: {} };
    },
    deleteNamespacedJob: async ({ body }: { body?: { preconditions?: { uid?: string } } }) => {
      steps.push(`removed ${body?.preconditions?.uid}`);
      if (removalFails) throw new Error('the operator was killed');
      job = undefined;
    },
  };
  const core = { listNamespacedPod: async () => ({ items: pods }) };
  jobs = new LoadJobs({ batch, core } as unknown as KubeClients, { image: 'scrutin' }, clock);
  void jobs.run(election, { expectedDigest: undefined, grant }).then(
    (result) => {
      ended = result;
    },
    (error) => {
      ended = error;
    },
  );
  await clock.advance(1_000);
  job!.status = { ready: 1 };
});

test('a load ends with what its pod has found', async () => {
  await clock.advance(5_000);
  endPod();
  job!.status = { conditions: [{ type: 'Complete', status: 'True' }] };
  await clock.advance(1_000);
  expect(ended).toEqual(RESULT);
});

test('a long load is not said to wait in the moments in which no pod of it runs', async () => {
  await clock.advance(300_000);
  // Its node is drained; another pod begins 20 s later.
  job!.status = { ready: 0 };
  await clock.advance(20_000);
  job!.status = { ready: 1 };
  await clock.advance(300_000);
  endPod();
  await clock.advance(2_000);
  expect(ended).toBeUndefined();
  job!.status = { conditions: [{ type: 'Complete', status: 'True' }] };
  await clock.advance(1_000);
  expect(ended).toEqual(RESULT);
});

test('a load that has run and can’t go on is told after a minute', async () => {
  await clock.advance(300_000);
  job!.status = { ready: 0 };
  pods = [
    {
      status: {
        conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes are available' }],
      },
    },
  ];
  await clock.advance(59_000);
  expect(ended).toBeUndefined();
  await clock.advance(3_000);
  expect(ended).toMatchObject({
    reason: 'LoadJobWaiting',
    message: expect.stringContaining('waits: 0/3 nodes are available'),
  });
});

test('its pods may load before there are any, and still when Redis has lost what said so; then no more', async () => {
  const { env } = job!.spec!.template.spec!.containers[0]!;
  expect(grants[0]).toEqual({ owner: env!.find(({ name }) => name === 'LOAD_GRANT')!.value, made: false });
  const before = grants.length;
  await clock.advance(3_000);
  expect(grants.length).toBeGreaterThan(before);
  endPod();
  job!.status = { conditions: [{ type: 'Complete', status: 'True' }] };
  await clock.advance(1_000);
  const after = grants.length;
  await clock.advance(10_000);
  expect(grants).toHaveLength(after);
});

const elsewhere = testElection({
  electorate: { source: { persistentVolumeClaim: { claimName: 'other', path: '.' } } },
});
const endOther = (wanted: typeof election, byJob: boolean) =>
  jobs.endOther(wanted, { byJob, revoke: async (except) => void steps.push(`all but ${except} revoked`) });

test.each([
  ['the operator loads itself', election, false],
  ['another Job is to load', elsewhere, true],
])('its load is ended when %s: first its grant, then the Job', async (_, wanted, byJob) => {
  await endOther(wanted, byJob);
  expect(steps).toEqual(['all but undefined revoked', 'removed u']);
  expect(job).toBeUndefined();
});

test('an end of it that was cut off between the two comes to the same end next time', async () => {
  removalFails = true;
  await expect(endOther(election, false)).rejects.toThrow('killed');
  removalFails = false;
  await endOther(election, false);
  expect(steps.slice(2)).toEqual(['all but undefined revoked', 'removed u']);
  await endOther(election, false);
  expect(steps.slice(4)).toEqual(['all but undefined revoked']);
});

test('the load that is wanted goes on, and so does a Job of that name that is none of ours', async () => {
  await endOther(election, true);
  expect(steps).toEqual([`all but ${grants[0]!.owner} revoked`]);
  delete job!.metadata!.annotations;
  await endOther(election, false);
  expect(steps.slice(1)).toEqual(['all but undefined revoked']);
  expect(job).toBeDefined();
});

test('where the operator may not look at Jobs there is none of its own to end', async () => {
  forbidden = true;
  await endOther(election, false);
  expect(steps).toEqual(['all but undefined revoked']);
});

test('a Job that is taken up keeps its grant; one that is made anew has another', async () => {
  const again = {
    expectedDigest: undefined,
    grant: async (owner: string) => {
      steps.push(`${owner} granted`);
      return async () => {};
    },
  };
  const first = grants[0]!.owner;
  void jobs.run(election, again).catch(() => {});
  await clock.advance(2_000);
  expect(steps).toEqual([`${first} granted`]);
  job!.status = { conditions: [{ type: 'Failed', status: 'True' }] };
  await clock.advance(1_000);
  void jobs.run(election, again).catch(() => {});
  await clock.advance(2_000);
  expect(steps[1]).not.toBe(`${first} granted`);
  expect(steps[2]).toBe('removed u');
  expect(job).toBeDefined();
});

test.each([
  ['is not waited for: without its grant it writes nothing', true],
  ['is waited for if it needs no grant, as an older operator’s', false],
])('a pod that works on after its Job was removed %s', async (_, fenced) => {
  const container = job!.spec!.template.spec!.containers[0]!;
  if (!fenced) container.env = container.env!.filter(({ name }) => name !== 'LOAD_GRANT');
  pods = [{ status: { phase: 'Running' } }];
  const done = jobs.run(elsewhere, { expectedDigest: undefined, grant: async () => async () => {} });
  void done.catch(() => {});
  await clock.advance(10_000);
  expect(job !== undefined).toBe(fenced);
  pods = [{ status: { phase: 'Failed' } }];
  await clock.advance(1_000);
  expect(job).toBeDefined();
});
