import { CHOICES } from '@scrutin/shared/choice.ts';
import { Gauge, type Registry } from 'prom-client';
import { phaseAt, type Snapshot } from './snapshot.ts';
import type { SnapshotSource } from './snapshot-follower.ts';

/**
 * Votes on each law at any time, and on each choice once the result is final: never before, not even where the
 * Election says `live`. Prometheus keeps what it reads, and a history of a choice's early counts beside the
 * times of votes could tell what somebody chose (P5). Only laws of the election have series.
 *
 * @param clock milliseconds since the epoch
 */
export function lawMetrics(
  registry: Registry,
  snapshots: Pick<SnapshotSource, 'require'>,
  clock: () => number = Date.now,
): void {
  const registers = [registry];
  new Gauge({
    name: 'scrutin_law_votes',
    help: 'Votes counted on a law, whatever their choice',
    labelNames: ['law'],
    registers,
    collect() {
      this.reset();
      for (const { law_id, oui, non } of countsOf(readable(snapshots))) this.set({ law: law_id }, oui + non);
    },
  });
  new Gauge({
    name: 'scrutin_result_votes',
    help: 'Votes for a choice of a law in the final result; no series before the result is final',
    labelNames: ['law', 'choice'],
    registers,
    collect() {
      this.reset();
      const snapshot = readable(snapshots);
      if (!snapshot || phaseAt(snapshot, clock()) !== 'final') return;
      for (const { law_id, ...counts } of countsOf(snapshot))
        for (const choice of CHOICES) this.set({ law: law_id, choice }, counts[choice]);
    },
  });
}

/** Nothing before the election was published, and nothing once the last reading is too old to be shown. */
function readable(snapshots: Pick<SnapshotSource, 'require'>): Snapshot | undefined {
  try {
    return snapshots.require();
  } catch {
    return undefined;
  }
}

/** A law that nobody has voted on yet has no row. */
function countsOf(snapshot: Snapshot | undefined): { law_id: string; oui: number; non: number }[] {
  return (snapshot?.election.laws ?? []).map(
    ({ id }) => snapshot?.counts.find(({ law_id }) => law_id === id) ?? { law_id: id, oui: 0, non: 0 },
  );
}
