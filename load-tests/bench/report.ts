import { cpus } from 'node:os';
import { number, table } from '../../scripts/stack/table.ts';
import type { BenchOptions, Measured } from './measure.ts';
import type { Round } from './round.ts';

/** The figures of the last line. Votes per second and milliseconds are medians of the rounds. */
export interface Summary {
  endToEnd: number;
  limit: number;
  /** endToEnd / limit, the median of the rounds' ratios pair by pair. */
  ratio: number;
  acceptP50Ms: number;
  acceptP99Ms: number;
  accepted: number;
  lost: number;
  countedTwice: number;
  connections: number;
  votesPerRound: number;
  rounds: number;
}

export function summary({ product, yardstick }: Measured, options: BenchOptions): Summary {
  const sum = (of: (round: Round) => number) => product.reduce((total, round) => total + of(round), 0);
  return {
    endToEnd: Math.round(median(product.map((round) => round.votesPerSecond))),
    limit: Math.round(median(yardstick.map((round) => round.votesPerSecond))),
    ratio: Number(
      median(product.map((round, i) => round.votesPerSecond / yardstick[i]!.votesPerSecond)).toFixed(3),
    ),
    acceptP50Ms: Number(median(product.map((round) => round.p50)).toFixed(1)),
    acceptP99Ms: Number(median(product.map((round) => round.p99)).toFixed(1)),
    accepted: sum((round) => round.accepted),
    lost: sum((round) => Math.max(0, round.accepted - round.counted)),
    countedTwice: sum((round) => Math.max(0, round.counted - round.accepted)),
    connections: options.connections,
    votesPerRound: options.votes,
    rounds: options.rounds,
  };
}

/** Prints the tables for people, and the summary as one line of JSON at the end. */
export function printReport(measured: Measured, options: BenchOptions): void {
  const figures = summary(measured, options);
  const { alone } = measured;
  const out = (text: string) => process.stdout.write(`${text}\n`);
  out(
    `\n${number(options.votes)} votes a round over ${options.connections} connections, ${options.rounds} rounds of each in turn, ${cpus().length} cores for everything\n`,
  );
  out(
    table(
      ['pipeline', 'votes/s', 'of limit', 'accept p50', 'p99', 'max', 'accepted', 'counted', 'tail'],
      (['product', 'yardstick'] as const).flatMap((name) =>
        measured[name].map((round, i) => [
          name === 'product' ? 'Scrutin' : 'bare pipeline (limit)',
          number(Math.round(round.votesPerSecond)),
          name === 'product' ? (round.votesPerSecond / measured.yardstick[i]!.votesPerSecond).toFixed(2) : '',
          `${round.p50.toFixed(1)} ms`,
          `${round.p99.toFixed(1)} ms`,
          `${round.max.toFixed(1)} ms`,
          number(round.accepted),
          number(round.counted),
          `${round.tailSeconds.toFixed(2)} s`,
        ]),
      ),
      ['votes/s', 'of limit', 'accept p50', 'p99', 'max', 'accepted', 'counted', 'tail'],
    ),
  );
  const rows: [string, number, string][] = [
    ['HTTP answers, bare node:http', alone.httpAnswers, 'requests/s'],
    ['confirmed publishes, 128 votes each', alone.fullMessages, 'messages/s'],
    ['confirmed publishes, one vote each', alone.singleMessages, 'messages/s'],
    ['script calls, 1,024 votes each', alone.decisions, 'votes/s'],
    ['transactions, 1,024 votes each', alone.records, 'votes/s'],
  ];
  out('');
  out(
    table(
      ['alone', 'per second', 'of'],
      rows.map(([name, value, unit]) => [name, number(Math.round(value)), unit]),
      ['per second'],
    ),
  );
  out('');
  out(
    `End to end ${number(figures.endToEnd)} votes/s, ${(figures.ratio * 100).toFixed(0)} % of the limit; accept p50 ${figures.acceptP50Ms} ms, p99 ${figures.acceptP99Ms} ms; ${figures.lost} lost, ${figures.countedTwice} counted twice`,
  );
  const rounded = Object.fromEntries(Object.entries(alone).map(([name, value]) => [name, Math.round(value)]));
  out(JSON.stringify({ ...figures, alone: rounded }));
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
