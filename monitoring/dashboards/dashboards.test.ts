import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { VERSIONS } from '../../scripts/go-tools/versions.ts';
import { metricsCatalogue } from '../../scripts/metrics-catalogue.ts';
import { DASHBOARDS, dashboardJson } from './all.ts';
import { CLUSTER_ONLY } from './cluster-only.ts';
import { onlyOnCluster, queriesOf } from './testing/dashboard-queries.ts';
import { type CheckedDashboard, dashboardSchema } from './testing/dashboard-schema.ts';
import { selectorsOf } from './testing/promql-parts.ts';

const FOLDER = fileURLToPath(new URL('../../charts/scrutin/files/dashboards', import.meta.url));
const files = readdirSync(FOLDER).sort();
const read = (file: string): unknown => JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8'));
const checked = files.flatMap((file) => dashboardSchema.safeParse(read(file)).data ?? []);
const queries = checked.flatMap(queriesOf);
/** Names that Grafana fills in itself. */
const BUILT_IN = ['__rate_interval', '__range'];

const twice = <T>(values: readonly T[]): T[] => values.filter((value, i) => values.indexOf(value) !== i);

describe('the dashboards’ files', () => {
  it('are what npm run dashboards makes of the sources', () => {
    expect(files).toEqual(
      Object.keys(DASHBOARDS)
        .map((name) => `${name}.json`)
        .sort(),
    );
    for (const [name, dashboard] of Object.entries(DASHBOARDS))
      expect(readFileSync(`${FOLDER}/${name}.json`, 'utf8')).toBe(dashboardJson(dashboard));
  });

  it.each(files)('%s has all that Grafana needs', (file) => {
    const { error } = dashboardSchema.safeParse(read(file));
    expect(error?.issues ?? []).toEqual([]);
  });

  it('have an address and a title each', () => {
    expect(twice(checked.map(({ uid }) => uid))).toEqual([]);
    expect(twice(checked.map(({ title }) => title))).toEqual([]);
  });

  it('lead to each other by a tag that all have', () => {
    for (const { links } of checked)
      for (const tag of links.flatMap(({ tags }) => tags))
        expect(checked.every(({ tags }) => tags.includes(tag))).toBe(true);
  });

  it('lay no panel over another, and number each', () => {
    for (const { title, panels } of checked) {
      expect([title, twice(panels.map(({ id }) => id))]).toEqual([title, []]);
      expect([title, overlaps(panels)]).toEqual([title, []]);
    }
  });

  it('name every query of a panel once', () => {
    for (const { panels } of checked)
      for (const panel of panels)
        if ('targets' in panel) {
          expect([panel.title, twice(panel.targets.map(({ refId }) => refId))]).toEqual([panel.title, []]);
          expect([panel.title, twice(panel.targets.map(({ expr }) => expr))]).toEqual([panel.title, []]);
        }
  });

  it('use no variable that they lack', () => {
    for (const dashboard of checked) {
      const known = new Set([...BUILT_IN, ...dashboard.templating.list.map(({ name }) => name)]);
      const texts = [...queriesOf(dashboard).map(({ expr }) => expr), JSON.stringify(dashboard.templating)];
      const used = texts.flatMap((text) => [...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!));
      const unknown = used.filter((name) => !known.has(name) && name !== '__all');
      expect([dashboard.title, unknown]).toEqual([dashboard.title, []]);
    }
  });
});

describe('a bucket of a histogram', () => {
  it('is found however Prometheus writes its bound: version 3 makes 10.0 of 10', () => {
    const bounds = queries.flatMap(({ expr }) => [...expr.matchAll(/\ble=[^,}]*/g)].map(([bound]) => bound));
    expect(bounds.length).toBeGreaterThan(1);
    expect(bounds.filter((bound) => /^le="\d+"$/.test(bound))).toEqual([]);
  });
});

describe('the embargo', () => {
  it('holds: one metric alone tells choices, and results has it only once the result is final', () => {
    const telling = metricsCatalogue().own.filter(({ labelNames }) => labelNames.includes('choice'));
    expect(telling.map(({ name }) => name)).toEqual(['scrutin_result_votes']);
    for (const { expr } of queries.filter((query) => query.expr.includes('choice')))
      expect(new Set(selectorsOf(expr).map(({ metric }) => metric))).toEqual(
        new Set(['scrutin_result_votes']),
      );
  });
});

describe('queries that only a cluster can answer', () => {
  const known = new Map(CLUSTER_ONLY.flatMap(({ metrics }) => Object.entries(metrics)));

  it('ask for metrics and labels that their exporters define', () => {
    const ofCluster = queries.filter(({ expr }) => onlyOnCluster(expr));
    expect(ofCluster.length).toBeGreaterThan(5);
    for (const { where, expr, legend } of ofCluster) {
      const named = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      for (const { metric, labels } of selectorsOf(expr))
        expect([where, known.get(metric)]).toEqual([where, expect.arrayContaining([...labels, ...named])]);
    }
  });

  it('are all there is about KEDA and autoscalers: none of these names is asked for and not listed', () => {
    const asked = new Set(queries.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)));
    const ofCluster = [...asked].filter((name) => /^(keda|kube)_/.test(name)).sort();
    expect(ofCluster).toEqual([...known.keys()].sort());
  });

  it('have the names of the very KEDA that the project runs', () => {
    expect(CLUSTER_ONLY.find(({ source }) => source.includes('kedacore'))?.version).toBe(VERSIONS.keda);
  });
});

/** Titles of panels that lie on each other. */
function overlaps(panels: CheckedDashboard['panels']): [string, string][] {
  return panels.flatMap((one, i) =>
    panels.slice(i + 1).flatMap((other): [string, string][] => {
      const [a, b] = [one.gridPos, other.gridPos];
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      return apart ? [] : [[one.title, other.title]];
    }),
  );
}
