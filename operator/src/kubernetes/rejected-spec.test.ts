import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ControllerUnderTest } from './testing/controller-under-test.ts';
import { openSpec } from './testing/open-spec.ts';

let under: ControllerUnderTest;
beforeEach(() => {
  under = new ControllerUnderTest();
});
afterEach(() => under.stop());

test('a spec that no rule refused and that can’t be carried out is told, and stops nothing', async () => {
  under.start();
  under.elections.put('ns', 'bad', { title: 'no' });
  under.elections.put('ns', 'good', openSpec());
  await under.clock.advance(1_000);
  expect(under.phase('ns/bad')).toBe('Failed');
  expect(under.message('ns/bad')).toContain('spec.laws');
  expect(under.phase('ns/good')).toBe('Open');
  under.elections.put('ns', 'bad', openSpec());
  await under.clock.advance(1_000);
  expect(under.phase('ns/bad')).toBe('Open');
});

test('an election that people vote in stays Open when its spec can’t be read any more', async () => {
  under.start();
  under.elections.put('ns', 'a', openSpec());
  await under.clock.advance(100);
  under.elections.put('ns', 'a', { title: 'no' });
  await under.clock.advance(1_000);
  expect(under.phase('ns/a')).toBe('Open');
  expect(under.message('ns/a')).toContain('spec.laws');
  const told = under.told('ns/a').length;
  await under.clock.advance(120_000);
  expect(under.told('ns/a')).toHaveLength(told);
});
