import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readMetrics, seriesValue, sumOf } from '@scrutin/shared/testing/read-metrics.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { IngestionUnderTest } from './testing/ingestion-under-test.ts';

let stage: IngestionUnderTest;
beforeEach(async () => {
  // On a busy machine a vote may wait long, and what the door refuses has not come to the rate's limit.
  stage = await IngestionUnderTest.start({ env: { RATE_LIMIT_PER_MINUTE: '200', MAX_WAIT_MS: '10000' } });
});
afterEach(() => stage.remove());

const vote = (law_id = 'loi-1') => ({ nas: '046 454 286', code: 'A1B2C3', law_id, vote: 'oui' });
const series = () => readMetrics(stage.base);

/** Breaks off in the middle of the body, once `begun`. */
const breakOff = (begun: () => Promise<unknown>): Promise<void> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(stage.base);
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.write(
        'POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"nas"',
        () =>
          begun()
            .catch(reject)
            .finally(() => socket.destroy()),
      );
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });

const moment = () => sleep(20);

/** Breaks off while the stage reads the body: one that has gone before it is let in is another kind of request. */
async function breakOffInside(): Promise<void> {
  const received = async () => seriesValue(await series(), 'scrutin_votes_received_total')!;
  const before = await received();
  await breakOff(() => until('the stage reads it', async () => (await received()) > before));
}

/** One request of each kind that somebody hostile may send, `n` making it one of its own. */
function hostile(n: number): Promise<unknown>[] {
  const text = `POST /api/v1/vote/${n} HTTP/1.1\r\nHost: x${n}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
  return [
    stage.post(vote(`loi-${n}`)),
    stage.post(vote(`{"${'x'.repeat(n)}\n`)),
    stage.post(`not json ${n}`),
    stage.post(vote(), { 'idempotency-key': `é${n}`.replace('é', ' ') }),
    stage.post(vote(), { 'content-type': `text/${n}` }),
    fetch(`${stage.base}/api/v1/vote?law=${n}`),
    fetch(`${stage.base}/${n}/%7b`, { method: ['GET', 'PUT', 'DELETE', 'PATCH'][n % 4]! }),
    fetch(`${stage.base}/%`),
    stage.raw(text),
    stage.raw(`PROPFIND /x${n} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    stage.raw(`NO-SUCH-METHOD-${n} / HTTP/1.1\r\nHost: x\r\n\r\n`),
  ];
}

describe('the metrics of ingestion', () => {
  test('get no new series from a storm of hostile requests', async () => {
    const storm = async (from: number, rounds: number) => {
      for (let n = from; n < from + rounds; n++) await Promise.all(hostile(n));
    };
    // Whatever kind of answer there is has come once, also those of the rate limit, and also none.
    await breakOffInside();
    await until(
      'it is known to have gone',
      async () =>
        seriesValue(await series(), 'scrutin_http_request_seconds_count', { status: 'aborted' }) === 1,
    );
    await storm(1, 50);
    await breakOffInside();
    await series();
    const before = await series();
    await storm(100, 60);
    await breakOffInside();
    const after = await series();
    const own = (all: ReadonlyMap<string, number>) =>
      [...all.keys()].filter((key) => key.startsWith('scrutin_')).sort();
    expect(own(after)).toEqual(own(before));
    expect(own(after).filter((key) => /loi-|x1|PROPFIND|NO-SUCH/.test(key))).toEqual([]);
    expect(sumOf(after, 'scrutin_http_request_seconds_count')).toBeGreaterThan(
      sumOf(before, 'scrutin_http_request_seconds_count') + 500,
    );
  });

  test('add up: every vote that was received is accepted, refused or under way', async () => {
    const sent = [
      ...Array.from({ length: 150 }, () => stage.post(vote())),
      ...Array.from({ length: 30 }, () => stage.post(vote('no-such-law'))),
      ...Array.from({ length: 20 }, () => stage.post('nothing')),
      ...Array.from({ length: 40 }, () => stage.post(vote())),
      ...Array.from({ length: 5 }, () => breakOff(moment)),
    ];
    await Promise.all(sent);
    await until('none is under way', async () => {
      const now = await series();
      // What broke off may be read by the stage after its client has gone.
      return (
        seriesValue(now, 'scrutin_votes_received_total') === 245 &&
        seriesValue(now, 'scrutin_votes_received_total') ===
          sumOf(now, 'scrutin_votes_accepted_total') + sumOf(now, 'scrutin_votes_refused_total')
      );
    });
    const now = await series();
    expect(seriesValue(now, 'scrutin_votes_received_total')).toBe(245);
    expect(
      seriesValue(now, 'scrutin_votes_refused_total', { reason: 'rate-limited' }),
    ).toBeGreaterThanOrEqual(40);
    expect(
      seriesValue(now, 'scrutin_http_request_seconds_count', {
        method: 'POST',
        route: '/api/v1/vote',
        status: '202',
      }),
    ).toBe(seriesValue(now, 'scrutin_votes_accepted_total'));
  });

  test('tell that the servers can be used, and how long Redis takes', async () => {
    const now = await series();
    expect(seriesValue(now, 'scrutin_connection_up', { server: 'redis' })).toBe(1);
    expect(seriesValue(now, 'scrutin_connection_up', { server: 'rabbitmq' })).toBe(1);
    expect(seriesValue(now, 'scrutin_redis_call_seconds_count', { call: 'read-election' })).toBeGreaterThan(
      0,
    );
  });
});
