import { ofServer, perSecond } from '../promql.ts';

/** Sum over all instances, so that a cluster of three reads as one service. */
export const total = (metric: string, matchers = '') => `sum(${ofServer(metric, matchers)})`;
/** The same of rates. */
export const totalRate = (metric: string, matchers = '') => `sum(${perSecond(ofServer(metric, matchers))})`;
