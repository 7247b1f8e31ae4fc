import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerUrls, Telling } from '../../scripts/servers/servers.ts';
import { type Elector, planVotes } from '../plan-votes.ts';
import { decisionsAlone, httpAlone, pendingVotes, publishesAlone, recordsAlone } from './alone.ts';
import { startProduct } from './product.ts';
import { type Round, runRound } from './round.ts';
import { startYardstick } from './yardstick.ts';

export interface BenchOptions {
  votes: number;
  rounds: number;
  connections: number;
  workers: number;
  aggregations: number;
}

/** What each part does when it has the machine to itself. Per second. */
export interface Alone {
  httpAnswers: number;
  /** Messages of 128 votes. */
  fullMessages: number;
  /** Messages of one vote. */
  singleMessages: number;
  decisions: number;
  records: number;
}

export interface Measured {
  product: Round[];
  yardstick: Round[];
  alone: Alone;
}

/** Runs both pipelines in turn, so that a machine whose speed drifts is no advantage to either, then each part. */
export async function measure(urls: ServerUrls, options: BenchOptions, tell: Telling): Promise<Measured> {
  const { votes, rounds, workers, aggregations } = options;
  const product = await tell.step('Scrutin’s stages', () =>
    startProduct(urls, { voters: votes * rounds, workers, aggregations }),
  );
  const { electors } = product;
  const measured: Omit<Measured, 'alone'> = { product: [], yardstick: [] };
  try {
    const yardstick = await tell.step('The bare pipeline', () => startYardstick(urls, electors));
    try {
      for (let round = 0; round < rounds; round++) {
        const bodies = bodiesOf(electors.slice(round * votes, (round + 1) * votes), product.laws);
        for (const name of ['product', 'yardstick'] as const) {
          const pipeline = name === 'product' ? product : yardstick;
          measured[name].push(
            await tell.step(`Round ${round + 1} of ${rounds}, ${name}`, async (detail) => {
              const result = await runRound({ ...pipeline, connections: options.connections, bodies });
              detail(`${Math.round(result.votesPerSecond)} votes/s`);
              return result;
            }),
          );
        }
      }
    } finally {
      await yardstick.stop();
    }
  } finally {
    await product.stop();
  }
  const alone = await tell.step('Each part alone', () => measureAlone(urls, options, electors, product.laws));
  return { ...measured, alone };
}

async function measureAlone(
  urls: ServerUrls,
  { votes, connections }: BenchOptions,
  electors: readonly Elector[],
  laws: readonly string[],
): Promise<Alone> {
  const some = electors.slice(0, votes);
  const pending = pendingVotes(some);
  const file = join(tmpdir(), `scrutin-bench-alone-${process.pid}.txt`);
  writeFileSync(file, bodiesOf(some, laws).join('\n'), { mode: 0o600 });
  try {
    return {
      httpAnswers: await httpAlone(file, connections),
      fullMessages: await publishesAlone(urls, pending, 128, 2_000),
      singleMessages: await publishesAlone(urls, pending, 1, 10_000),
      decisions: await decisionsAlone(urls, pending),
      records: await recordsAlone(urls, pending),
    };
  } finally {
    rmSync(file);
  }
}

/** One valid vote an elector: both pipelines get the same bodies. */
const bodiesOf = (electors: readonly Elector[], laws: readonly string[]): string[] =>
  planVotes({ electors, laws: laws.slice(0, 1), valid: electors.length }).votes.map(({ body }) => body);
