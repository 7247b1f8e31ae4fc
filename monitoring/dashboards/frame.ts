import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE } from './panels.ts';

/** The tag by which the dashboards find each other. */
const TAG = 'scrutin';

export interface Row {
  title: string;
  panels: readonly Builder<Panel>[];
}

export interface DashboardOptions {
  /** Stable: it is in the address of the dashboard. */
  uid: string;
  title: string;
  description: string;
  /** How elections are chosen: one, several or all, or not at all. */
  elections: 'one' | 'several' | 'none';
  rows: readonly Row[];
}

/** A dashboard with what all have: variables, links to the others, alerts as annotations, numbered panels. */
export function dashboard({ uid, title, description, elections, rows }: DashboardOptions): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .readonly()
    .timezone('browser')
    .time({ from: 'now-30m', to: 'now' })
    .refresh('10s')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([datasourceVariable(), namespaceVariable()])
    .annotation(alerts(elections !== 'none'))
    .link(
      new DashboardLinkBuilder('Other dashboards')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .includeVars(true)
        .keepTime(true),
    );
  if (elections !== 'none') builder.withVariable(electionVariable(elections === 'several'));
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  return finished(builder.build());
}

const datasourceVariable = () =>
  new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus');

/** Outside a cluster no series has the label, and all of them are meant. */
const namespaceVariable = () =>
  new QueryVariableBuilder('namespace')
    .label('Namespace')
    .description('Where the election and its servers run; All where there is no cluster')
    .datasource(DATASOURCE)
    .query('label_values(scrutin_build_info, namespace)')
    .refresh(VariableRefresh.OnDashboardLoad)
    .sort(VariableSort.AlphabeticalAsc)
    .includeAll(true)
    .allValue('.*')
    .current({ text: 'All', value: '$__all' });

function electionVariable(several: boolean) {
  const variable = new QueryVariableBuilder('election')
    .label('Election')
    .description('Name of the Election')
    .datasource(DATASOURCE)
    // The operator of a cluster has an empty label.
    .query('label_values(scrutin_build_info{namespace=~"$namespace", election!=""}, election)')
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
  if (!several) return variable;
  return variable.multi(true).includeAll(true).allValue('.*').current({ text: 'All', value: '$__all' });
}

/** Alerts while they fire: those of the chosen election, and those that are of none. */
const alerts = (ofElection: boolean) =>
  new AnnotationQueryBuilder()
    .name('Alerts')
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor('red')
    .expr(
      `ALERTS{alertstate="firing", severity=~"warning|critical"${ofElection ? ', election=~"$election|"' : ''}}`,
    )
    .titleFormat('{{alertname}}')
    .textFormat('{{stage}} {{instance}}')
    .tagKeys('severity,election')
    .step('15s');

/** Numbers the panels, as Grafana wants them, and shows links and annotations, which the SDK would put into a menu. */
function finished(built: Dashboard): Dashboard {
  for (const [i, panel] of (built.panels ?? []).entries()) panel.id = i + 1;
  for (const shown of [...(built.links ?? []), ...(built.annotations?.list ?? [])]) delete shown.placement;
  return built;
}
