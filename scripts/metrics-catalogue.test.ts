import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { catalogueText, metricsCatalogue, registered } from './metrics-catalogue.ts';

const catalogue = metricsCatalogue();
const metric = (name: string) => catalogue.own.find((one) => one.name === name);

describe('the metrics', () => {
  it('are those of docs/metrics.md, which scripts/metrics-catalogue.ts makes', () => {
    const written = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');
    expect(written).toBe(catalogueText(catalogue));
  });

  it('follow Prometheus’ conventions for names', () => {
    for (const { name, type, help } of catalogue.own) {
      expect(name).toMatch(/^scrutin_[a-z0-9]+(_[a-z0-9]+)*$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      if (type === 'histogram') expect(name).toMatch(/_(seconds|votes|ballots)$/);
      expect(name).not.toMatch(/_(ms|milliseconds|count|sum|bucket)$/);
      expect([name, help]).toEqual([name, expect.stringMatching(/^.{10,}$/)]);
    }
  });

  it('mean the same in every process that has them', () => {
    const meanings = new Map<string, Set<string>>();
    for (const metrics of registered().values())
      for (const { name, type, help } of metrics)
        meanings.set(name, (meanings.get(name) ?? new Set()).add(`${type}: ${help}`));
    expect([...meanings].filter(([, different]) => different.size > 1)).toEqual([]);
  });

  it('have the bounds of the service levels among their buckets: accepted in 0.25 s, counted in 10 s', () => {
    expect(metric('scrutin_ingestion_accept_seconds')?.upperBounds).toContain(0.25);
    expect(metric('scrutin_vote_age_at_commit_seconds')?.upperBounds).toContain(10);
  });

  it('tell of every process its event loop, memory, processor time and build', () => {
    const names = catalogue.everywhere.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'nodejs_eventloop_lag_p99_seconds',
        'process_resident_memory_bytes',
        'process_cpu_seconds_total',
        'scrutin_build_info',
      ]),
    );
  });
});
