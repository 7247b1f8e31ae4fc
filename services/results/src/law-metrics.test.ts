import { describe, expect, it } from '@jest/globals';
import type { PublishedElection } from '@scrutin/shared/election.ts';
import { ScrutinError } from '@scrutin/shared/errors.ts';
import { Registry } from 'prom-client';
import { lawMetrics } from './law-metrics.ts';
import type { Snapshot } from './snapshot.ts';
import { CLOSES, OPENS, sampleElection } from './testing/results-stage.ts';

const snapshot = (phase: string, changes: Partial<PublishedElection> = {}): Snapshot => ({
  election: sampleElection('demo', changes),
  eligible: 2_000,
  phase,
  closed_at: null,
  digest: null,
  counts: [{ law_id: 'loi-2026-01', oui: 30, non: 12, updated_at: new Date(OPENS).toISOString() }],
});

/** What Prometheus reads. */
async function scraped(require: () => Snapshot, now: number): Promise<string> {
  const registry = new Registry();
  lawMetrics(registry, { require }, () => now);
  return registry.metrics();
}

describe('the metrics of laws', () => {
  it.each([
    ['before it opens', 'Scheduled', OPENS - 1],
    ['while it is open', 'Open', OPENS],
    ['while the last votes are being counted', 'Draining', CLOSES],
    ['when the ledger is closed before the time', 'Closed', CLOSES - 1],
  ])('tell the votes of a law and no choice %s', async (_when, phase, now) => {
    for (const results of ['afterClose', 'live'] as const) {
      const text = await scraped(() => snapshot(phase, { results }), now);
      expect(text).toContain('scrutin_law_votes{law="loi-2026-01"} 42\n');
      expect(text).not.toContain('choice=');
    }
  });

  it('tell the choices of every law once the result is final', async () => {
    const text = await scraped(() => snapshot('Closed'), CLOSES);
    expect(text.match(/^scrutin_result_votes.*$/gm)).toEqual([
      'scrutin_result_votes{law="loi-2026-01",choice="oui"} 30',
      'scrutin_result_votes{law="loi-2026-01",choice="non"} 12',
      'scrutin_result_votes{law="loi-2026-02",choice="oui"} 0',
      'scrutin_result_votes{law="loi-2026-02",choice="non"} 0',
    ]);
  });

  it('tell nothing while the counts can’t be read', async () => {
    const text = await scraped(() => {
      throw new ScrutinError('ledger-unavailable', 'away');
    }, CLOSES);
    expect(text).not.toMatch(/^scrutin_/m);
  });
});
