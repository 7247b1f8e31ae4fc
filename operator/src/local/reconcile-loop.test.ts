import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLog } from '@scrutin/shared/log.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { stringify } from 'yaml';
import { StepError } from '../reconcile/conditions.ts';
import type { Reconciled } from '../reconcile/reconcile.ts';
import { OPENS_AT, testElection } from '../reconcile/testing/election.ts';
import { FakeServers } from '../reconcile/testing/fake-servers.ts';
import { HOUR, SOURCE } from '../reconcile/testing/operator-under-test.ts';
import { ReconcileLoop, type ReconcileLoopOptions } from './reconcile-loop.ts';
import { readStatus, writeStatus } from './status-file.ts';

let folder: string;
let electionFile: string;
let statusFile: string;
let servers: FakeServers;
let outcomes: Reconciled[];
let loop: ReconcileLoop;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-loop-'));
  electionFile = join(folder, 'election.yaml');
  statusFile = join(folder, 'status.json');
  writeFileSync(electionFile, stringify(testElection()));
  servers = new FakeServers(OPENS_AT - HOUR, SOURCE);
  outcomes = [];
});
afterEach(async () => {
  await loop.stop();
  rmSync(folder, { recursive: true });
});

/** Changes the Election file in one step: the loop must find one change, not two. */
function change(spec: Parameters<typeof testElection>[0]): void {
  const next = `${electionFile}.next`;
  writeFileSync(next, stringify(testElection(spec)));
  renameSync(next, electionFile);
}

function start(options: Partial<ReconcileLoopOptions> = {}): void {
  loop = new ReconcileLoop({
    electionFile,
    statusFile,
    electionId: 'test',
    ports: servers.ports(),
    resyncMs: 60_000,
    closingGraceMs: 0,
    log: createLog({ stage: 'test', level: 'silent' }),
    onReconciled: (outcome) => void outcomes.push(outcome),
    ...options,
  });
  loop.start();
}
const looks = (count: number) => until(`${count} looks`, () => outcomes.length >= count, 30_000);
const digests = () => servers.calls.filter((call) => call === 'electorate.sourceDigest').length;

describe('the loop over an Election file', () => {
  it('writes the status where it can be read, and leaves no half of it', async () => {
    start();
    await looks(1);
    await until('the status is written', async () => (await readStatus(statusFile))?.phase === 'Scheduled');
    expect(loop.status).toEqual(outcomes[0]?.status);
    expect(readdirSync(folder).sort()).toEqual(['election.yaml', 'status.json']);
  });

  it('goes on from the status of an earlier run, and without one that can be read', async () => {
    start();
    await looks(1);
    await loop.stop();
    start();
    await looks(2);
    expect(outcomes[1]?.events).toEqual([]);
    await loop.stop();
    writeFileSync(statusFile, '{"phase":');
    start();
    await looks(3);
    expect(outcomes[2]?.status.phase).toBe('Scheduled');
  });

  it('looks again when the clock of the election asks for it', async () => {
    servers.now = OPENS_AT - 300;
    start();
    await looks(1);
    servers.now = OPENS_AT;
    await looks(2);
    expect(outcomes.map(({ status }) => status.phase)).toEqual(['Scheduled', 'Open']);
  });

  it('compares with the source at its first look and when the file has changed, not at each resync', async () => {
    start({ resyncMs: 100 });
    await looks(4);
    expect(digests()).toBe(1);
    change({ luhn: true });
    await until('the change is taken', () => servers.redis.document?.luhn === true);
    expect(digests()).toBe(2);
  });

  it('tries again soon after a failure that may pass, and late after one that a person must mend', async () => {
    servers.fail('broker.ping');
    start({ resyncMs: 30_000 });
    await looks(3);
    servers.fail('broker.ping', new StepError('AccessDenied', 'wrong password', { lasting: true }));
    await until('the password is wrong', () => outcomes.at(-1)?.failure?.lasting === true);
    const soFar = outcomes.length;
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(outcomes).toHaveLength(soFar);
    servers.heal();
    change({ luhn: true });
    await looks(soFar + 1);
    expect(outcomes.at(-1)?.failure).toBeUndefined();
  });

  it('stops within a load, keeps what was loaded, and does not call that a failure', async () => {
    let stopped: Promise<void> | undefined;
    servers.onLoading = () => {
      stopped ??= loop.stop();
    };
    start();
    await until('it was told to stop', () => stopped !== undefined);
    await stopped;
    expect(servers.redis.voters.size).toBe(1);
    expect(outcomes).toEqual([]);
    expect(await readStatus(statusFile)).toBeUndefined();
  });

  it('tells what it has done by the time it is stopped, once, and what it has found next time', async () => {
    const told: string[] = [];
    const log = createLog({
      stage: 'test',
      level: 'info',
      destination: {
        write: (line) => void told.push((JSON.parse(line) as { reason?: string }).reason ?? ''),
      },
    });
    let stopped: Promise<void> | undefined;
    servers.onLoading = () => {
      stopped ??= loop.stop();
    };
    start({ log });
    await until('it was told to stop', () => stopped !== undefined);
    await stopped;
    const deeds = ['SchemaUpdated', 'TopologyMade'];
    expect(told.filter(Boolean)).toEqual(deeds);
    start({ log });
    await looks(1);
    await loop.stop();
    expect(told.filter(Boolean)).toEqual([...deeds, 'ElectorateLoaded', 'Scheduled']);
  });

  it('goes on when its status can’t be written', async () => {
    start({ statusFile: join(folder, 'absent', 'status.json'), resyncMs: 100 });
    await looks(2);
    expect(loop.status?.phase).toBe('Scheduled');
  });
});

describe('the status file', () => {
  it('may be absent, or not wanted', async () => {
    start();
    expect(await readStatus(undefined)).toBeUndefined();
    expect(await readStatus(join(folder, 'absent'))).toBeUndefined();
    await writeStatus(undefined, { phase: 'Open', conditions: [] });
  });
});
