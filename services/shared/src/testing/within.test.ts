import { expect, test } from '@jest/globals';
import { until } from './virtual-host.ts';
import { within } from './within.ts';

const never = new Promise<never>(() => {});

test('what is in time passes through, also as a rejection', async () => {
  expect(await within('an answer', Promise.resolve(1), 1_000)).toBe(1);
  await expect(within('an answer', Promise.reject(new Error('no')), 1_000)).rejects.toThrow('no');
});

test('what is late rejects and says what was waited for', async () => {
  await expect(within('the end of days', never, 20)).rejects.toThrow('not within 20 ms: the end of days');
});

test('a condition that never answers does not keep until waiting', async () => {
  await expect(until('an answer comes', () => never, 20)).rejects.toThrow(
    'not within 20 ms: an answer comes',
  );
});

test('an error of the condition ends the wait, or is a “not yet” where that is asked for', async () => {
  let asked = 0;
  const third = () => {
    if (++asked < 3) throw new Error('refused');
    return true;
  };
  await expect(until('it answers', third, 1_000)).rejects.toThrow('refused');
  await until('it answers', third, 1_000, { bearErrors: true });
  expect(asked).toBe(3);
  const refused = () => Promise.reject(new Error('refused'));
  await expect(until('it answers', refused, 20, { bearErrors: true })).rejects.toMatchObject({
    message: 'not within 20 ms: it answers',
    cause: new Error('refused'),
  });
});
