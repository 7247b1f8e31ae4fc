import * as units from '@grafana/grafana-foundation-sdk/units';
import { z } from 'zod';

const UNITS: ReadonlySet<string> = new Set(Object.values(units).filter((unit) => typeof unit === 'string'));
const COLUMNS = 24;

const datasource = z.object({ type: z.literal('prometheus'), uid: z.literal('$datasource') });
const words = z.string().trim().min(1);

const gridPos = z
  .object({
    x: z.int().min(0),
    y: z.int().min(0),
    w: z.int().min(1).max(COLUMNS),
    h: z.int().min(1),
  })
  .refine(({ x, w }) => x + w <= COLUMNS, { error: 'is wider than the dashboard' });

const target = z.object({
  refId: z.string().regex(/^[A-Z]$/),
  datasource,
  expr: words,
  legendFormat: words,
  instant: z.boolean().optional(),
  range: z.boolean().optional(),
});

const thresholds = z.object({
  mode: z.literal('absolute'),
  steps: z
    .array(z.object({ value: z.number().nullable(), color: words }))
    .min(1)
    .refine(([first, ...rest]) => first?.value === null && rest.every(({ value }) => value !== null), {
      error: 'begin with a step below all values, and with no other',
    })
    .refine((steps) => steps.every(({ value }, i) => i < 2 || value! > steps[i - 1]!.value!), {
      error: 'do not rise',
    }),
});

const placed = { id: z.int().min(1), title: words, gridPos };

const queried = z.object({
  ...placed,
  type: z.enum(['stat', 'timeseries']),
  description: words,
  datasource,
  targets: z.array(target).min(1),
  fieldConfig: z.object({
    defaults: z.object({
      unit: z.string().refine((unit) => UNITS.has(unit), { error: 'is no unit of Grafana' }),
      thresholds: thresholds.optional(),
    }),
  }),
});
const row = z.object({
  ...placed,
  type: z.literal('row'),
  collapsed: z.literal(false),
  panels: z.array(z.never()),
});
const text = z.object({
  ...placed,
  type: z.literal('text'),
  description: words,
  options: z.object({ content: words }),
});

const variable = z.discriminatedUnion('type', [
  z.object({ type: z.literal('datasource'), name: z.literal('datasource'), query: z.literal('prometheus') }),
  z.object({
    type: z.literal('query'),
    name: words,
    label: words,
    datasource,
    query: z.string().regex(/^label_values\(.+, \w+\)$/),
    refresh: z.int().min(1),
    includeAll: z.boolean(),
    allValue: z.string().optional(),
  }),
]);

/** What Grafana needs of a dashboard's JSON, and what ours have beside that. */
export const dashboardSchema = z.object({
  // Longer ones Grafana refuses.
  uid: z
    .string()
    .regex(/^scrutin-[a-z-]+$/)
    .max(40),
  title: words,
  description: words,
  tags: z.array(words).min(1),
  schemaVersion: z.int().min(36),
  editable: z.boolean(),
  refresh: z.string().regex(/^\d+[sm]$/),
  time: z.object({ from: z.string().startsWith('now'), to: z.literal('now') }),
  templating: z.object({ list: z.array(variable).min(1) }),
  annotations: z.object({
    list: z.array(z.object({ name: words, datasource, enable: z.literal(true), expr: words })).min(1),
  }),
  links: z
    .array(
      z.object({
        type: z.literal('dashboards'),
        tags: z.array(words).min(1),
        includeVars: z.literal(true),
        keepTime: z.literal(true),
      }),
    )
    .min(1),
  panels: z.array(z.discriminatedUnion('type', [queried, row, text])).min(2),
});

export type CheckedDashboard = z.infer<typeof dashboardSchema>;
