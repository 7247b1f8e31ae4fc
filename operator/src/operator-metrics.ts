import { LATENCY_BUCKETS } from '@scrutin/shared/metrics.ts';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { PHASES } from './election-resource.ts';
import type { Reconciled } from './reconcile/reconcile.ts';

/** The operator's metrics, and how a reconciliation is observed. */
export function operatorMetrics(registry: Registry): (outcome: Reconciled, seconds: number) => void {
  const registers = [registry];
  const reconciles = new Counter({
    name: 'scrutin_operator_reconciles_total',
    help: 'Reconciliations, by result: done or failed',
    labelNames: ['result'],
    registers,
  });
  const duration = new Histogram({
    name: 'scrutin_operator_reconcile_seconds',
    help: 'Duration of a reconciliation',
    buckets: [...LATENCY_BUCKETS, 30, 60, 300],
    registers,
  });
  const phase = new Gauge({
    name: 'scrutin_election_phase',
    help: '1 for the phase that the election is in, 0 for the others',
    labelNames: ['phase'],
    registers,
  });
  const eligible = new Gauge({
    name: 'scrutin_election_eligible_voters',
    help: 'Distinct voters of the electorate in Redis',
    registers,
  });
  const votes = new Gauge({
    name: 'scrutin_election_votes',
    help: 'Votes counted, over all laws',
    registers,
  });
  return ({ status, failure }, seconds) => {
    reconciles.inc({ result: failure ? 'failed' : 'done' });
    duration.observe(seconds);
    for (const name of PHASES) phase.set({ phase: name }, status.phase === name ? 1 : 0);
    if (status.electorate) eligible.set(status.electorate.unique);
    if (status.votes !== undefined) votes.set(status.votes);
  };
}
