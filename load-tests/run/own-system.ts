import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerUrls } from '../../scripts/servers/servers.ts';
import { connectForReading, readTally, type Tally } from '../../scripts/stack/tally.ts';
import { ElectionUnderTest } from '../../tests/support/election-under-test.ts';
import { removeElection } from '../../tests/support/remove-election.ts';
import { memoryOf, memoryOfTree } from './memory.ts';

/** What a load is sent to. */
export interface LoadedSystem {
  ingestion: string;
  results: string;
  laws: readonly string[];
  /** File with the roll, `nas,code` a line. */
  roll: string;
  tally(): Promise<Tally>;
  /** Whether the tally tells duplicates and invalid ballots too: the database does, the results don't. */
  outcomesKnown: boolean;
  /** Resident memory by process, bytes; empty where its processes can't be seen. */
  memory(): Record<string, number>;
  stop(): Promise<void>;
}

/** The pipeline as processes of this machine, with an election of its own and no limit a client address. */
export async function startOwnSystem(
  urls: ServerUrls,
  options: {
    voters: number;
    workers: number;
    aggregations: number;
    env?: Record<string, string>;
    /** Process ids of the servers that were started for it, by name. */
    servers?: Record<string, number>;
  },
): Promise<LoadedSystem> {
  const election = await ElectionUnderTest.start({
    urls,
    voters: options.voters,
    validations: options.workers,
    aggregations: options.aggregations,
    env: { LOG_LEVEL: 'info', ...options.env },
  });
  const roll = join(election.folder, 'roll.csv');
  writeFileSync(roll, `nas,code\n${election.electors.map(({ nas, code }) => `${nas},${code}\n`).join('')}`, {
    mode: 0o600,
  });
  const database = await connectForReading(election.databaseUrl, 'scrutin load');
  return {
    ingestion: election.ingestion.url,
    results: election.results.url,
    laws: election.laws,
    roll,
    outcomesKnown: true,
    tally: () => readTally(database),
    memory: () => {
      const known = (name: string, bytes: number | undefined) => (bytes === undefined ? [] : [[name, bytes]]);
      return Object.fromEntries([
        ...election.stages.flatMap(({ pid, options: { name } }) =>
          pid === undefined ? [] : known(name, memoryOf(pid)),
        ),
        ...Object.entries(options.servers ?? {}).flatMap(([name, pid]) => known(name, memoryOfTree(pid))),
      ]);
    },
    stop: async () => {
      await database.end();
      await election.stop();
      await removeElection(election);
    },
  };
}
