import { number, table } from '../../scripts/stack/table.ts';
import { STEP_SECONDS } from '../k6/scenarios.ts';
import type { LoadSummary } from './summary.ts';

/** One step of a ramp: rates in votes a second, latency in milliseconds. */
export interface Step {
  offered: number;
  accepted: number;
  refused: number;
  p95: number | undefined;
}

export const stepsOf = (rates: readonly number[], summary: LoadSummary): Step[] =>
  rates.map((offered, step) => ({
    offered,
    accepted: summary.count(`accepted_requests{step:${step}}`) / STEP_SECONDS,
    refused: summary.count(`refused{step:${step}}`) / STEP_SECONDS,
    p95: summary.trend(`accept_ms{step:${step}}`, 'p(95)'),
  }));

/** Whether a step was followed: nearly all that was offered was accepted, most of it within a second. */
export const followed = ({ offered, accepted, p95 }: Step): boolean =>
  accepted >= 0.97 * offered && p95 !== undefined && p95 < 1_000;

/** The highest rate that was offered, followed, and had no unfollowed one before it; 0 if there is none. */
export function sustainable(steps: readonly Step[]): number {
  const broken = steps.findIndex((step) => !followed(step));
  return (broken < 0 ? steps : steps.slice(0, broken)).at(-1)?.offered ?? 0;
}

export function stepTable(rates: readonly number[], summary: LoadSummary): string {
  const steps = stepsOf(rates, summary);
  const header = ['offered/s', 'accepted/s', 'refused/s', 'accept p95', ''];
  const rows = steps.map((step) => [
    number(step.offered),
    number(Math.round(step.accepted)),
    number(Math.round(step.refused)),
    step.p95 === undefined ? '–' : `${step.p95.toFixed(0)} ms`,
    followed(step) ? '' : 'not followed',
  ]);
  const best = sustainable(steps);
  return `${table(header, rows, header.slice(0, 4))}\n\n  followed up to ${number(best)} votes/s`;
}

const mebibytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(0)} MiB`;

export function memoryTable(memory: Record<string, { first: number; most: number }>): string {
  const header = ['process', 'memory before', 'at the most'];
  const rows = Object.entries(memory).map(([name, { first, most }]) => [
    name,
    mebibytes(first),
    mebibytes(most),
  ]);
  return table(header, rows, header.slice(1));
}
