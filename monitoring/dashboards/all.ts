import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { backingServices } from './backing-services.ts';
import { election } from './election.ts';
import { operator } from './operator.ts';
import { pipeline } from './pipeline.ts';

/** Every dashboard, by the name of its file. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = {
  'backing-services': backingServices,
  election,
  operator,
  pipeline,
};

/** The text of a dashboard's file, always the same for the same sources. */
export const dashboardJson = (dashboard: Dashboard): string => `${JSON.stringify(dashboard, null, 2)}\n`;
