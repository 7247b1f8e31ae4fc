import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type PlannedVote, planVotes } from '../../load-tests/plan-votes.ts';
import { type CastVote, castVotes } from '../support/cast-votes.ts';
import { castSteadily } from './support/cast-steadily.ts';
import { getJson } from './support/cluster.ts';
import { countFaults } from './support/count-faults.ts';
import { type InstalledElection, openElection } from './support/installed-election.ts';
import { type Sample, WorkerTimeline } from './support/worker-timeline.ts';

/** Votes of the rush, sent as fast as it goes, and those of the steady load that goes on while workers come. */
const RUSH = 12_000;
const STEADY = 40_000;
const STEADY_PER_SECOND = 200;
/** Seconds from the rush's first vote to four ready workers. */
const SCALED_WITHIN = 90;

const VALUES = {
  stages: {
    // A vote is a message here, so that the threshold in messages is one in votes.
    ingestion: { settings: { BATCH_MAX_VOTES: 1 } },
    validation: {
      // A worker on a twelfth of a core that takes one vote at a time.
      resources: { requests: { cpu: '80m' }, limits: { cpu: '80m' } },
      settings: { PREFETCH: 1 },
      keda: { maxReplicas: 6, scaleDown: { stabilizationSeconds: 15, pods: 4 } },
    },
  },
  // Every request to the management API is written down: who asked, and what.
  rabbitmq: { config: 'management.http_log_dir = /var/log/rabbitmq' },
};

describe('validation workers', () => {
  let election: InstalledElection;
  let timeline: WorkerTimeline;
  let rush: PlannedVote[];
  let steady: PlannedVote[];
  const history: CastVote[] = [];
  let answered = 0;
  let loadEndedAt = Number.POSITIVE_INFINITY;

  beforeAll(async () => {
    election = await openElection({ namespace: 'scaling', voters: RUSH + STEADY, values: VALUES });
    const { votes } = planVotes({
      electors: election.electors,
      laws: election.laws,
      valid: RUSH + STEADY,
      repeats: 0.02,
      ineligible: 0.02,
    });
    [rush, steady] = [votes.slice(0, RUSH), votes.slice(RUSH)];
    // While the broker was not there yet, KEDA had its two workers of the fallback.
    const idle = await WorkerTimeline.start(election, () => 0);
    await idle.until(
      'one worker before the rush',
      ({ desired, ready }) => desired === 1 && ready === 1,
      0,
      120_000,
    );
    await idle.stop();
  });
  afterAll(async () => {
    await timeline?.stop();
    await election?.remove();
  });

  test(`a backlog of minutes takes them from 1 to at least 4 within ${SCALED_WITHIN} s, and turns while votes still come`, async () => {
    timeline = await WorkerTimeline.start(election, () => answered);
    const onAnswer = () => void answered++;
    history.push(...(await castVotes(election.ingestionUrl, rush, { lanes: 32, onAnswer })));
    const rushSeconds = timeline.now;
    let enough = false;
    const load = castSteadily(election.ingestionUrl, steady, {
      perSecond: STEADY_PER_SECOND,
      enough: () => enough,
      onAnswer,
    }).then((cast) => {
      loadEndedAt = timeline.now;
      history.push(...cast);
    });
    try {
      const scaled = await timeline.until('four ready workers', ({ ready }) => ready >= 4, 0, 120_000);
      const peak = () =>
        timeline.samples.reduce((most, sample) => (sample.messages > most.messages ? sample : most));
      const turned = await timeline.until(
        'half of the backlog is gone under load',
        ({ t, messages }) => t > peak().t && messages < peak().messages / 2,
        scaled.t,
        240_000,
      );
      const perWorker = rateOfOneWorker(timeline.samples);
      process.stderr.write(
        `  ${RUSH} votes within ${rushSeconds.toFixed(1)} s, then ${STEADY_PER_SECOND} votes/s; one worker: ${perWorker.toFixed(0)} votes/s\n` +
          `  1 → ${scaled.ready} ready workers ${scaled.t.toFixed(1)} s after the first vote; backlog at most ${peak().messages}, half of it gone at ${turned.t.toFixed(1)} s\n`,
      );
      expect(timeline.samples[0]).toMatchObject({ desired: 1, ready: 1 });
      // One worker never gets to the end of it while the load goes on, and without it needs minutes for what there is.
      expect(perWorker).toBeLessThan(STEADY_PER_SECOND);
      expect(turned.accepted / perWorker).toBeGreaterThan(120);
      expect(scaled.t).toBeLessThanOrEqual(SCALED_WITHIN);
      expect(turned.t).toBeLessThan(loadEndedAt);
    } finally {
      enough = true;
      await load;
    }
  });

  test('once the queue is empty they go back to 1', async () => {
    await timeline.until('an empty queue', ({ messages }) => messages === 0, loadEndedAt, 180_000);
    await timeline.until(
      'one worker again',
      ({ desired, ready }) => desired === 1 && ready === 1,
      loadEndedAt,
      180_000,
    );
    await timeline.stop();
    process.stderr.write(`${timeline.table()}\n`);
  });

  test('no vote was lost or counted twice while they came and went', async () => {
    expect(
      await countFaults(
        election,
        history.map(({ vote }) => vote),
        history,
      ),
    ).toEqual([]);
  });

  test('KEDA has asked the broker’s management API for the queue’s length, and the autoscaler went by it', async () => {
    const { items } = await getJson<PodList>('keda', 'pods', '--selector=app=keda-operator');
    const addresses = items.map(({ status }) => status.podIP);
    const read = ['cat', '/var/log/rabbitmq/access.log*'].join(' ');
    const log = await election.kubectl('exec', `${election.name}-rabbitmq-0`, '--', 'sh', '-c', read);
    const asked = log
      .split('\n')
      .filter((line) => addresses.some((address) => line.includes(address)))
      .filter((line) => line.includes(`/api/queues/scrutin-${election.name}/validation_queue`));
    process.stderr.write(`  KEDA asked ${asked.length} times, such as: ${asked.at(-1)}\n`);
    expect(asked.length).toBeGreaterThan(5);
    const events = await election.kubectl('get', 'events', '--field-selector=reason=SuccessfulRescale');
    expect(events).toMatch(/external metric s0-rabbitmq-validation_queue.* above target/);
  });
});

interface PodList {
  items: { status: { podIP: string } }[];
}

/** Votes a second that were decided while one worker was there and had a backlog. */
function rateOfOneWorker(samples: readonly Sample[]): number {
  const alone = samples.filter(
    ({ ready, messages }, i) => messages > 0 && ready === 1 && samples[i + 1]?.ready === 1,
  );
  const [first, last] = [alone[0], alone.at(-1)];
  if (!first || !last || last.t === first.t) throw new Error('one worker was never seen with a backlog');
  return (last.accepted - last.messages - (first.accepted - first.messages)) / (last.t - first.t);
}
