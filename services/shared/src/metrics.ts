import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** A process's registry, with Node's own metrics (event-loop lag, memory, handles) and the build's. */
export function createMetrics(stage: string, electionId: string, version: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ stage, election: electionId });
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'scrutin_build_info',
    help: 'Constant 1, labelled with the version and the Node version',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.version }, 1);
  return registry;
}

/** Buckets for what takes from half a millisecond to ten seconds. Seconds. */
export const LATENCY_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
/** Buckets for the age of a vote when it is counted: a backlog makes minutes of it. Seconds. */
export const AGE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
/** Buckets for numbers of votes. */
export const SIZE_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
