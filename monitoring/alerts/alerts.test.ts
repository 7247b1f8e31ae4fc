import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { requirePromtool } from '@scrutin/scripts/monitoring/promtool.ts';
import { FAILURES } from '@scrutin/shared/errors.ts';
import { knownSeries } from './metric-catalogue.ts';
import { readingsOf, sourcesOf } from './read-metrics.ts';
import { alertsOf, PROJECT, ruleFiles, rules } from './rule-files.ts';
import { expectations, testFiles } from './test-cases.ts';

const all = rules();
const alerts = alertsOf(all);
const named = alerts.map((alert) => [alert.alert, alert] as const);
const expected = expectations();
const run = promisify(execFile);

/** What promtool says; its failure is the test's, with all that it found. */
async function promtool(...args: string[]): Promise<string> {
  const program = requirePromtool();
  return run(program, args, { maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string; stderr?: string }) => {
      throw new Error(`promtool ${args.slice(0, 2).join(' ')}:\n${error.stdout ?? ''}${error.stderr ?? ''}`);
    },
  );
}

describe('promtool', () => {
  it('finds the rule files well formed', async () => {
    expect(await promtool('check', 'rules', ...ruleFiles())).toContain('SUCCESS');
  }, 60_000);

  it.each(testFiles().map((file) => [basename(file), file]))(
    'sees the alerts fire, and stay silent, as %s says',
    async (_name, file) => {
      expect(await promtool('test', 'rules', file)).toContain('SUCCESS');
    },
    300_000,
  );

  it('is asked for by its package’s name where it is missing', () => {
    expect(() => requirePromtool(() => undefined)).toThrow('sudo apt-get install prometheus');
  });
});

describe('every alert', () => {
  it('has a name of its own, and those of the cases and of the runbook are alerts', () => {
    const names = alerts.map(({ alert }) => alert);
    expect(names.length).toBeGreaterThan(40);
    expect(new Set(names).size).toBe(names.length);
    expect(expected.map(({ alert }) => alert).filter((alert) => !names.includes(alert))).toEqual([]);
    expect([...runbook.keys()].filter((title) => title.startsWith('Scrutin')).sort()).toEqual(
      [...names].sort(),
    );
  });

  it.each(named)('%s fires in a case', (name) => {
    expect(expected.filter(({ alert, fires }) => alert === name && fires)).not.toEqual([]);
  });

  it.each(named)('%s stays silent in a case that has what it reads', (name, { expr }) => {
    const sources = sourcesOf(expr, all);
    const silent = expected.filter(
      ({ alert, fires, inputs }) => alert === name && !fires && inputs.some((metric) => sources.has(metric)),
    );
    expect(silent).not.toEqual([]);
  });

  it.each(named)('%s says in words what is wrong and what to do', (_name, { labels, annotations }) => {
    expect(labels?.severity).toMatch(/^(critical|warning)$/);
    expect(annotations?.summary).toMatch(/^\S.{15,110}$/);
    expect(annotations?.description).toMatch(/^\S.{60,400}\.$/);
  });

  it.each(named)('%s names in its summary only labels that it has when it fires', (name, { annotations }) => {
    const firing = expected.filter(({ alert, fires }) => alert === name && fires);
    const words = `${annotations!.summary} ${annotations!.description}`;
    for (const [, label] of words.matchAll(/\$labels\.(\w+)/g))
      for (const { labels, where } of firing) expect([where, ...labels]).toContain(label);
  });

  it.each(named)('%s has a section of the runbook, to which it leads', (name, { annotations }) => {
    expect(annotations?.runbook_url).toBe(`docs/runbook.md#${name.toLowerCase()}`);
    const section = runbook.get(name) ?? '';
    for (const part of ['**Means.**', '**Voters notice.**', '**Look here.**', '**Do this.**'])
      expect(section).toContain(part);
  });
});

describe('the rules', () => {
  const known = knownSeries();
  const recorded = new Set(all.map(({ record }) => record));

  it.each(all.map((rule) => [rule.alert ?? rule.record!, rule.expr]))(
    '%s reads metrics and labels that there are',
    (_name, expr) => {
      const readings = readingsOf(expr);
      if (!expr.startsWith('vector(')) expect(readings).not.toEqual([]);
      for (const { metric, labels } of readings) {
        if (recorded.has(metric)) continue;
        expect([...known.keys()]).toContain(metric);
        for (const label of labels) expect([metric, ...known.get(metric)!]).toContain(label);
      }
    },
  );

  it('have no threshold that nobody reads, and read no recording that nobody makes', () => {
    const read = new Set(all.flatMap(({ expr }) => readingsOf(expr)).map(({ metric }) => metric));
    const unread = [...recorded].filter((name) => name?.startsWith('scrutin:threshold:') && !read.has(name));
    expect(unread).toEqual([]);
    const used = [...read].filter((name) => name.startsWith('scrutin:'));
    expect(used.filter((name) => !recorded.has(name))).toEqual([]);
  });

  it('know the reasons for which votes are refused', () => {
    const reasons = new Set(
      all.flatMap(({ expr }) =>
        [...expr.matchAll(/reason=~"([^"]*)"/g)].flatMap(([, text]) => text!.split('|')),
      ),
    );
    expect(reasons.size).toBeGreaterThan(8);
    for (const reason of reasons) expect(['unreadable', ...Object.keys(FAILURES)]).toContain(reason);
  });
});

describe('the metrics of an expression', () => {
  it('are told from functions, labels, keywords and durations', () => {
    const expr =
      'sum by (election, le) (rate(a_total{reason=~"x|y",stage="b"}[5m])) / on (c) group_left () d_bytes > scalar(max(e:f:g))\nand min_over_time(h[2m]) unless inf';
    expect(readingsOf(expr)).toEqual([
      { metric: 'a_total', labels: ['reason', 'stage'] },
      { metric: 'd_bytes', labels: [] },
      { metric: 'e:f:g', labels: [] },
      { metric: 'h', labels: [] },
    ]);
  });
});

/** Title → text of the runbook's sections. */
const runbook = new Map(
  readFileSync(join(PROJECT, 'docs/runbook.md'), 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf('\n');
      return [section.slice(0, end).trim(), section.slice(end)] as const;
    }),
);
