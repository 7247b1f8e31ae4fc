/**
 * A load generator that needs much less time for a request than k6, as a process of its own: an open model, so that a slow
 * answer makes no vote after it come later. Reads what to offer from the file that it is given and writes what it has seen
 * to another, as k6's `--summary-export` would.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { HttpLane } from '../http-lane.ts';
import { castOf, counterName } from '../k6/plan.ts';
import { summaryOf } from './flood-summary.ts';

export interface FloodPlan {
  /** Address of ingestion. */
  url: string;
  /** File with the roll, `nas,code` a line after the first. */
  roll: string;
  laws: readonly string[];
  /** Number of the first vote. */
  first: number;
  /** Votes a second, held for so many seconds, one after the other. */
  steps: readonly { rate: number; seconds: number }[];
  /** Connections at once, all of which are open before the first vote; a vote that finds none free is not sent. */
  connections: number;
  /** Each vote has a connection of its own; none is open before. */
  connectAnew: boolean;
  /** Where to write what was seen. */
  summary: string;
}

const plan = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as FloodPlan;
const roll = readFileSync(plan.roll, 'utf8').split('\n').slice(1).filter(Boolean);

const counts = new Map<string, number>();
const times = new Map<string, number[]>();
const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
const took = (name: string, ms: number) => {
  const list = times.get(name);
  if (list) list.push(ms);
  else times.set(name, [ms]);
};

let underWay = 0;
/** Opened one by one: Node's servers accept one connection in a turn of their event loop, so a rush of them would measure that. */
const free: HttpLane[] = [];
while (free.length < plan.connections) {
  const lane = new HttpLane(plan.url, 60_000);
  if (!plan.connectAnew) await lane.send(HttpLane.get('/livez'));
  free.push(lane);
}
const headers: Record<string, string> = plan.connectAnew ? { Connection: 'close' } : {};

async function cast(n: number, step: number, due: number): Promise<void> {
  // The one that has waited longest, so that none is closed for being idle.
  const lane = free.shift();
  if (!lane) {
    count('dropped_iterations');
    return;
  }
  underWay++;
  const { elector, law, choice } = castOf(plan.first + n, plan.laws.length);
  const [nas, code] = roll[elector]!.split(',');
  const body = `{"nas":"${nas}","code":"${code}","law_id":"${plan.laws[law]}","vote":"${choice}"}`;
  const sent = performance.now();
  took('late_ms', sent - due);
  try {
    const answer = await lane.send(HttpLane.post('/api/v1/vote', body, headers));
    const ms = performance.now() - sent;
    if (answer.status === 202) {
      count('accepted_requests');
      count(`accepted_requests{step:${step}}`);
      count('accepted_voters');
      count(counterName('accepted', law, choice));
      took('accept_ms', ms);
      took(`accept_ms{step:${step}}`, ms);
    } else if ((answer.status === 503 || answer.status === 429) && answer.retryAfter !== undefined) {
      count('refused');
      count(`refused{step:${step}}`);
      took('refuse_ms', ms);
      // Without the broker's confirm in time nobody knows.
      if (!answer.body.includes('nothing was recorded')) count(counterName('unknown', law, choice));
    } else count('unexpected');
  } catch {
    count(counterName('unknown', law, choice));
    count('broken');
  }
  underWay--;
  free.push(lane);
}

/** Sends what is due, and what has become due meanwhile, to the end of the step. */
async function offer(step: number, from: number, number: number): Promise<number> {
  const { rate, seconds } = plan.steps[step]!;
  const votes = rate * seconds;
  for (let sent = 0; sent < votes; ) {
    const due = Math.min(votes, Math.floor(((performance.now() - from) * rate) / 1000));
    for (; sent < due; sent++) void cast(number + sent, step, from + (sent * 1000) / rate);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return number + votes;
}

const start = performance.now();
let number = 0;
let from = start;
for (const [step, { seconds }] of plan.steps.entries()) {
  number = await offer(step, from, number);
  from += seconds * 1000;
}
const end = performance.now() + 60_000;
while (underWay > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
for (const lane of free) lane.close();
writeFileSync(
  plan.summary,
  JSON.stringify(summaryOf(counts, times, (performance.now() - start) / 1000), null, 2),
);
process.exit(0);
