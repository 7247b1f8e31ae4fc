/**
 * The load generator, a process of its own: casts prepared votes over so many keep-alive connections, each
 * sending the next as soon as it has its answer, and prints one JSON line of what it saw.
 */
import { readFileSync } from 'node:fs';
import { HttpLane, overLanes } from '../http-lane.ts';

/** What the generator reports. Times in milliseconds; `firstPost` since the epoch. */
export interface LoadReport {
  accepted: number;
  refused: Record<string, number>;
  broken: number;
  firstPost: number;
  lastAnswer: number;
  p50: number;
  p99: number;
  max: number;
}

const [url, connections, bodiesFile] = process.argv.slice(2) as [string, string, string];
const requests = readFileSync(bodiesFile, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((body) => HttpLane.post('/api/v1/vote', body));

const latencies: number[] = [];
const refused: Record<string, number> = {};
let broken = 0;
const firstPost = Date.now();
await overLanes(url, Number(connections), requests, async (lane, request) => {
  const start = performance.now();
  try {
    const { status } = await lane.send(request);
    if (status === 202) latencies.push(performance.now() - start);
    else refused[status] = (refused[status] ?? 0) + 1;
  } catch {
    broken++;
  }
});
const lastAnswer = Date.now();
latencies.sort((a, b) => a - b);
const at = (share: number) =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
const report: LoadReport = {
  accepted: latencies.length,
  refused,
  broken,
  firstPost,
  lastAnswer,
  p50: at(0.5),
  p99: at(0.99),
  max: at(1),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
