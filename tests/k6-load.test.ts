import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { SCENARIOS } from '../load-tests/k6/scenarios.ts';
import { miscounted } from '../load-tests/run/check-counts.ts';
import { k6Program } from '../load-tests/run/k6-program.ts';
import { startOwnSystem } from '../load-tests/run/own-system.ts';
import { runLoad } from '../load-tests/run/run-load.ts';
import { environmentUrls } from './support/environment-urls.ts';
import { SILENT } from './support/silent.ts';

test('k6 runs the scenarios’ script, and what it counts is what was recorded', async () => {
  const k6 = await k6Program(SILENT);
  const folder = mkdtempSync(join(tmpdir(), 'scrutin-k6-test-'));
  const size = { rate: 40, seconds: 4 };
  const system = await startOwnSystem(environmentUrls(), {
    voters: SCENARIOS.hostile.votes(size),
    workers: 1,
    aggregations: 1,
  });
  const shared = { k6, system, size, folder, show: false, drainSeconds: 60 };
  try {
    // Good votes, strangers, nonsense; then every voter five times at once, on votes that were not cast before.
    const hostile = await runLoad({ ...shared, scenario: 'hostile', first: 0, label: 'hostile' });
    expect(miscounted(hostile.summary, system.laws, hostile.before, hostile.after)).toEqual([]);
    expect(hostile.summary.count('accepted_strangers')).toBeGreaterThan(8);
    expect(hostile.summary.count('accepted_voters')).toBeGreaterThan(40);
    expect(hostile.summary.count('unexpected')).toBe(0);
    const storm = await runLoad({
      ...shared,
      size: { rate: 10, seconds: 4 },
      scenario: 'duplicates',
      first: SCENARIOS.hostile.votes(size) + 10,
      label: 'duplicates',
    });
    expect(miscounted(storm.summary, system.laws, storm.before, storm.after)).toEqual([]);
    expect(storm.summary.count('accepted_repeats')).toBeGreaterThan(80);
  } finally {
    await system.stop();
    rmSync(folder, { recursive: true });
  }
}, 180_000);
