import { describe, expect, test } from '@jest/globals';
import { type Executor, SCENARIOS, type Scenario } from './scenarios.ts';

/** Iterations that an executor begins: the area under its rate. */
function begun({ rate, duration, startRate, stages }: Executor): number {
  if (rate !== undefined) return rate * Number.parseInt(duration!, 10);
  let [sum, now] = [0, startRate!];
  for (const stage of stages!) {
    const seconds = Number.parseFloat(stage.duration);
    sum += (seconds * (now + stage.target)) / 2;
    now = stage.target;
  }
  return sum;
}

describe.each(Object.entries(SCENARIOS) as [string, Scenario][])('scenario %s', (_name, scenario) => {
  test.each([
    { rate: scenario.rate, seconds: scenario.seconds || 60 },
    { rate: 37, seconds: 12 },
  ])('asks for as many voters as it may draw, at $rate/s for $seconds s', (size) => {
    const casting = Object.values(scenario.executors(size)).filter(({ exec }) => exec !== 'readResults');
    const drawn = casting.reduce((sum, executor) => sum + begun(executor), 0);
    expect(scenario.votes(size)).toBeGreaterThanOrEqual(Math.floor(drawn));
    expect(scenario.votes(size)).toBeLessThanOrEqual(drawn * 1.1 + 10);
  });

  test('is an open model: slow answers don’t slow the arrivals', () => {
    for (const { executor } of Object.values(scenario.executors(scenario)))
      expect(executor).toMatch(/arrival-rate$/);
  });
});

test('the ramp goes up to the rate that was asked for', () => {
  const steps = SCENARIOS.breaking.steps({ rate: 3_000, seconds: 0 });
  expect(steps.at(-1)).toBe(3_000);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
});
