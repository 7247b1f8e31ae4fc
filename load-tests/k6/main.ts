/**
 * The k6 script of every scenario; `npm run load -- <scenario>` runs it. What the scenarios offer stands in
 * scenarios.ts, which vote an iteration casts in plan.ts.
 */
import exec from 'k6/execution';
import http from 'k6/http';
import type { Options } from 'k6/options';
import { castOnce, castStranger, castTogether } from './cast.ts';
import { sendHostile } from './hostile.ts';
import { readMs, unexpected } from './metrics.ts';
import { SCENARIOS, type Scenario, type ScenarioName, STEP_SECONDS } from './scenarios.ts';
import { LAWS, RATE, RESULTS, SCENARIO, SECONDS } from './settings.ts';

const scenario: Scenario = SCENARIOS[SCENARIO as ScenarioName];
const size = { rate: RATE, seconds: SECONDS };
const steps = scenario.steps?.(size) ?? [];

export const options: Options = {
  scenarios: scenario.executors(size) as NonNullable<Options['scenarios']>,
  thresholds: {
    ...scenario.thresholds(size),
    // A metric of one step is in the summary only if a threshold names it.
    ...Object.fromEntries(
      steps.flatMap((_, step) => [
        [`accepted_requests{step:${step}}`, ['count>=0']],
        [`refused{step:${step}}`, ['count>=0']],
        [`accept_ms{step:${step}}`, ['p(95)>=0']],
      ]),
    ),
  },
  summaryTrendStats: ['min', 'med', 'avg', 'p(90)', 'p(95)', 'p(99)', 'max'],
  // A vote has no NAS in its address; the answers' bodies are looked at by few.
  noCookiesReset: true,
  userAgent: 'k6',
};

/** Unique over all VUs of this scenario, from 0 on without a gap. */
const number = () => exec.scenario.iterationInTest;

export function castVote(): void {
  if (steps.length === 0) {
    castOnce(number());
    return;
  }
  const step = Math.min(
    steps.length - 1,
    Math.floor((Date.now() - exec.scenario.startTime) / 1000 / STEP_SECONDS),
  );
  castOnce(number(), { step: String(step) });
}

export function castBurst(): void {
  castTogether(number(), 5);
}

/** Of ten, four are good votes, one is a stranger's, the rest are nonsense. */
export function castMix(): void {
  const n = number();
  if (n % 10 < 4) castOnce(n);
  else if (n % 10 === 4) castStranger(n);
  else sendHostile(n);
}

const READS = [
  '/',
  '/api/v1/results',
  `/api/v1/results/${LAWS[0]}`,
  '/api/v1/turnout',
  '/api/v1/results?lang=en',
];

export function readResults(): void {
  const answer = http.get(`${RESULTS}${READS[number() % READS.length]}`, { tags: { name: 'read' } });
  // 403: the embargo, which is an answer, too.
  if (answer.status === 200 || answer.status === 304 || answer.status === 403)
    readMs.add(answer.timings.duration);
  else unexpected.add(1);
}
