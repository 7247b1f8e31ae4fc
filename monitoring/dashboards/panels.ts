import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  MappingType,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TextBuilder } from '@grafana/grafana-foundation-sdk/text';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Every query and panel asks the Prometheus that the reader has chosen. */
export const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

export interface Query {
  expr: string;
  legend: string;
}

/** A query and how its series are named: `{{label}}` stands for a label's value. */
export const query = (legend: string, expr: string): Query => ({ expr, legend });

/** From which value on a colour holds; the first colour holds below all values. */
export type Steps = readonly [base: string, ...steps: (readonly [from: number, color: string])[]];

/** Green until `warning`, then orange, then red from `critical` on. */
export const worseAbove = (warning: number, critical: number): Steps => [
  'green',
  [warning, 'orange'],
  [critical, 'red'],
];
/** Red until `warning`, then orange, then green from `good` on. */
export const worseBelow = (good: number, warning: number): Steps => [
  'red',
  [warning, 'orange'],
  [good, 'green'],
];
/** Anything but nothing is wrong. */
export const NONE_EXPECTED: Steps = ['green', [1e-6, 'red']];
/** 1 is right, 0 is wrong. */
export const ONE_EXPECTED: Steps = ['red', [1, 'green']];

interface PanelOptions {
  title: string;
  /** What is shown and what it means when it looks bad. */
  description: string;
  /** One of the SDK's units. */
  unit: string;
  queries: readonly Query[];
  /** Of the dashboard's 24 columns. */
  width?: number;
  steps?: Steps;
  max?: number;
  decimals?: number;
}

export interface GraphOptions extends PanelOptions {
  stacked?: boolean;
  /** Values below zero make sense. */
  signed?: boolean;
  /** Values at the end of each series' name, by default its last and its highest. */
  legendCalcs?: string[];
}

/** Lines over time. Thresholds, if there are, are dashed lines. */
export function graph(options: GraphOptions): Builder<Panel> {
  const { width = 8, legendCalcs = ['lastNotNull', 'max'], stacked = false, signed = false, steps } = options;
  const panel = new GraphBuilder()
    .lineWidth(1)
    .fillOpacity(stacked ? 30 : 8)
    .spanNulls(false)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(legendCalcs),
    );
  if (!signed) panel.min(0);
  if (stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (steps)
    panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  return described(panel, options, false).span(width).height(8);
}

export interface NumberOptions extends PanelOptions {
  /** Shows the series' names, beside their values or in their place. */
  show?: 'value' | 'value and name' | 'name';
  /** What stands for a value. */
  words?: Readonly<Record<string, { text: string; color: string }>>;
  /** What is shown when there is no series. */
  absent?: string;
}

/** The present value as a number. */
export function number(options: NumberOptions): Builder<Panel> {
  const { width = 3, show = 'value', words, absent } = options;
  const textMode = {
    value: BigValueTextMode.Value,
    'value and name': BigValueTextMode.ValueAndName,
    name: BigValueTextMode.Name,
  }[show];
  const panel = new StatBuilder()
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .textMode(textMode)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));
  if (words) panel.mappings([{ type: MappingType.ValueToText, options: { ...words } }]);
  if (absent !== undefined) panel.noValue(absent);
  return described(panel, options, true).span(width).height(4);
}

/** Text for the reader, in Markdown. */
export const text = (title: string, content: string, description: string): Builder<Panel> =>
  new TextBuilder().title(title).description(description).content(content).span(24).height(3);

function described<P extends GraphBuilder | StatBuilder>(
  panel: P,
  { title, description, unit, queries, steps, max, decimals }: PanelOptions,
  instant: boolean,
): P {
  panel.title(title).description(description).unit(unit).datasource(DATASOURCE);
  if (max !== undefined) panel.max(max);
  if (decimals !== undefined) panel.decimals(decimals);
  if (steps) panel.thresholds(thresholds(steps));
  for (const [i, { expr, legend }] of queries.entries()) {
    const target = new DataqueryBuilder()
      .refId(String.fromCharCode(65 + i))
      .datasource(DATASOURCE)
      .expr(expr)
      .legendFormat(legend);
    panel.withTarget(instant ? target.instant() : target.range());
  }
  return panel;
}

function thresholds([base, ...rest]: Steps): ThresholdsConfigBuilder {
  const steps: Threshold[] = [
    { value: null, color: base },
    ...rest.map(([value, color]) => ({ value, color })),
  ];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}
