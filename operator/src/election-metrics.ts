import { type BackingServer, CONNECTION_UP } from '@scrutin/shared/server-metrics.ts';
import { Gauge, type Registry } from 'prom-client';
import { PHASES, type Phase } from './election-resource.ts';

/** An election as its status tells of it. */
export interface ElectionReading {
  election: string;
  phase: Phase;
  /** Distinct voters of the electorate. */
  eligible?: number | undefined;
  /** Votes counted, over all laws. */
  votes?: number | undefined;
}

/** What the ports of an election were seen to do. */
export interface SeenElection {
  /** Whether each server answered when it was last asked. */
  up: Map<BackingServer, boolean>;
  /** Voters counted in Redis minus those published. */
  drift?: number;
}

/**
 * Series for each election, made anew whenever they are read: those of an election that is gone go with it.
 */
export function electionMetrics(
  registry: Registry,
  elections: () => Iterable<ElectionReading>,
  seen: Map<string, SeenElection>,
): void {
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect: (gauge: Gauge<L>, all: readonly ElectionReading[]) => void,
  ) =>
    new Gauge<L>({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        collect(this, [...elections()]);
      },
    });
  gauge(
    'scrutin_operator_elections',
    'Elections, by phase; 0 of each on a replica that does not lead',
    ['phase'],
    (elections, all) => {
      for (const phase of PHASES)
        elections.set({ phase }, all.filter((reading) => reading.phase === phase).length);
    },
  );
  gauge(
    'scrutin_election_phase',
    '1 for the phase that the election is in, 0 for the others',
    ['election', 'phase'],
    (phases, all) => {
      for (const { election, phase } of all)
        for (const name of PHASES) phases.set({ election, phase: name }, Number(name === phase));
    },
  );
  gauge(
    'scrutin_election_eligible_voters',
    'Distinct voters of the electorate in Redis',
    ['election'],
    (voters, all) => {
      for (const { election, eligible } of all)
        if (eligible !== undefined) voters.set({ election }, eligible);
    },
  );
  gauge('scrutin_election_votes', 'Votes counted, over all laws', ['election'], (counted, all) => {
    for (const { election, votes } of all) if (votes !== undefined) counted.set({ election }, votes);
  });
  gauge(
    'scrutin_electorate_drift_voters',
    'Voters that the last audit counted in Redis, minus the number published; 0 is right. Not measured during a load',
    ['election'],
    (drifts, all) => {
      const here = new Set(all.map(({ election }) => election));
      for (const election of seen.keys()) if (!here.has(election)) seen.delete(election);
      for (const [election, { drift }] of seen) if (drift !== undefined) drifts.set({ election }, drift);
    },
  );
  gauge(CONNECTION_UP.name, CONNECTION_UP.help, ['election', 'server'], (connections, all) => {
    for (const { election } of all)
      for (const [server, up] of seen.get(election)?.up ?? [])
        connections.set({ election, server }, Number(up));
  });
}
