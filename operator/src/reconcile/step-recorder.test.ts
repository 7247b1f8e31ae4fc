import { beforeEach, expect, it } from '@jest/globals';
import { conditionSchema } from '../election-resource.ts';
import { StepError } from './conditions.ts';
import { StepRecorder } from './step-recorder.ts';

const NOW = Date.UTC(2027, 0, 1);
let recorder: StepRecorder;
/** As the next reconciliation begins. */
const next = () => {
  recorder = new StepRecorder({
    previous: recorder?.conditions.list() ?? [],
    now: () => NOW,
    generation: 1,
  });
};
const fails = (error: Error) =>
  recorder
    .attempt('TopologyReady', 'TopologyFailed', () => Promise.reject(error))
    .catch((failure) => failure);

beforeEach(() => {
  recorder = new StepRecorder({ previous: [], now: () => NOW, generation: 1 });
});

it('gives a failure its step’s reason, unless it has one of its own', async () => {
  expect(await fails(new Error('no answer'))).toMatchObject({ reason: 'TopologyFailed', lasting: false });
  const own = new StepError('WrongTopology', 'delete it', { lasting: true });
  expect(await fails(own)).toBe(own);
});

it('tells a failure once while it stays the same, and again after it was mended', async () => {
  await fails(new Error('no answer'));
  expect(recorder.events).toEqual([{ type: 'Warning', reason: 'TopologyFailed', message: 'no answer' }]);
  next();
  await fails(new Error('no answer'));
  expect(recorder.events).toEqual([]);
  next();
  await recorder.step('TopologyReady', 'TopologyFailed', async () => 'there');
  next();
  await fails(new Error('no answer'));
  expect(recorder.events).toHaveLength(1);
});

it('cuts a message that the API server would refuse the status for, and still tells it once', async () => {
  const long = new Error('loi-1: 2 participants, but 1 votes in the tally; '.repeat(1_000));
  await fails(long);
  const [condition] = recorder.conditions.list();
  expect(conditionSchema.safeParse(condition).error).toBeUndefined();
  expect(condition?.message).toMatch(/^loi-1: 2 participants.*…$/);
  next();
  await fails(long);
  expect(recorder.events).toEqual([]);
});
