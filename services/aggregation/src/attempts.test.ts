import { expect, test } from '@jest/globals';
import { sumAttempts } from './attempts.ts';
import { duplicate, voterOf } from './testing/votes.ts';

test('attempts are summed by voter and law, with the first and the last time', () => {
  const at = (minute: number) => `2026-05-04T10:0${minute}:00.000Z`;
  const sums = sumAttempts([
    duplicate({ ballot: 'a', voter: 'v', at: at(2), ip: '192.0.2.1', agent: 'curl' }),
    duplicate({ ballot: 'b', voter: 'v', at: at(1), ip: '192.0.2.1' }),
    duplicate({ ballot: 'c', voter: 'v', at: at(3), ip: '192.0.2.2', agent: 'curl' }),
    duplicate({ ballot: 'd', voter: 'v', law: 'loi-2', at: at(5) }),
    duplicate({ ballot: 'e', voter: 'w', at: at(4) }),
  ]);
  expect(sums).toEqual([
    {
      law_id: 'loi-1',
      voter: voterOf('v'),
      count: 3,
      firstAt: at(1),
      lastAt: at(3),
      ips: ['192.0.2.1', '192.0.2.2'],
      agents: ['curl'],
    },
    { law_id: 'loi-2', voter: voterOf('v'), count: 1, firstAt: at(5), lastAt: at(5), ips: [], agents: [] },
    { law_id: 'loi-1', voter: voterOf('w'), count: 1, firstAt: at(4), lastAt: at(4), ips: [], agents: [] },
  ]);
});

test('no more than 20 addresses and agents are kept, the first ones', () => {
  const [sum] = sumAttempts(
    Array.from({ length: 30 }, (_, i) =>
      duplicate({ ballot: `${i}`, voter: 'v', ip: `192.0.2.${i}`, agent: `${i}` }),
    ),
  );
  expect(sum!.count).toBe(30);
  expect(sum!.ips).toEqual(Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`));
  expect(sum!.agents).toHaveLength(20);
});
