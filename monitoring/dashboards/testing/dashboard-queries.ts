import { CLUSTER_ONLY } from '../cluster-only.ts';
import type { CheckedDashboard } from './dashboard-schema.ts';
import { selectorsOf } from './promql-parts.ts';

export interface DashboardQuery {
  /** Dashboard, panel and the query's letter, for messages. */
  where: string;
  expr: string;
  /** How the series are named: `{{label}}` stands for a label's value. */
  legend: string;
  instant: boolean;
}

/** Every query of a dashboard's panels and annotations. */
export function queriesOf({ title, panels, annotations }: CheckedDashboard): DashboardQuery[] {
  const ofPanels = panels.flatMap((panel) =>
    'targets' in panel
      ? panel.targets.map(({ refId, expr, legendFormat, instant = false }) => ({
          where: `${title}, ${panel.title}, ${refId}`,
          expr,
          legend: legendFormat,
          instant,
        }))
      : [],
  );
  const ofAnnotations = annotations.list.map(({ name, expr }) => ({
    where: `${title}, annotation ${name}`,
    expr,
    legend: '',
    instant: false,
  }));
  return [...ofPanels, ...ofAnnotations];
}

/** Whether all that the query asks for is known to exist on a cluster alone: see cluster-only.ts. */
export function onlyOnCluster(expr: string): boolean {
  const names = new Set(CLUSTER_ONLY.flatMap(({ metrics }) => Object.keys(metrics)));
  const selectors = selectorsOf(expr);
  return selectors.length > 0 && selectors.every(({ metric }) => names.has(metric));
}
