import { expect, test } from '@jest/globals';
import { sustainable } from './report.ts';

const step = (offered: number, accepted: number, p95: number | undefined) => ({
  offered,
  accepted,
  refused: 0,
  p95,
});

test('sustained is the last step before the first that was not followed', () => {
  const slow = [step(250, 250, 5), step(500, 499, 20), step(1_000, 1_000, 1_500), step(1_250, 1_250, 30)];
  expect(sustainable(slow)).toBe(500);
  expect(sustainable([step(250, 250, 5), step(500, 400, 20)])).toBe(250);
  expect(sustainable([step(250, 250, 5), step(500, 500, 20)])).toBe(500);
  expect(sustainable([step(250, 0, undefined)])).toBe(0);
});
