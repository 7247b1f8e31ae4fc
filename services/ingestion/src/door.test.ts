import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Door, type DoorOptions } from './door.ts';

/** A door whose work takes `msEach` of a clock that only work moves on. */
function doorOf(options: Partial<DoorOptions> & { msEach?: number } = {}) {
  let clock = 0;
  const seen = {
    served: [] as number[],
    waitedMs: [] as number[],
    refused: [] as number[],
    abandoned: [] as number[],
  };
  const idOf = (request: IncomingMessage) => (request as unknown as { id: number }).id;
  const door = new Door({
    perTurn: 4,
    looks: 3,
    maxWaitMs: 100,
    room: () => 1_000,
    serve: (request, _response, waitedMs) => {
      clock += options.msEach ?? 1;
      seen.served.push(idOf(request));
      seen.waitedMs.push(waitedMs);
    },
    refuse: (request) => {
      seen.refused.push(idOf(request));
    },
    onAbandoned: (request) => {
      seen.abandoned.push(idOf(request));
    },
    now: () => clock,
    ...options,
  });
  let next = 0;
  const arrive = (count: number): { destroyed: boolean }[] =>
    Array.from({ length: count }, () => {
      const response = { destroyed: false };
      door.enter(
        { id: next++ } as unknown as IncomingMessage & { req: IncomingMessage },
        response as unknown as ServerResponse<IncomingMessage> & { req: IncomingMessage },
      );
      return response;
    });
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const settled = async () => {
    while (door.waiting > 0) await turn();
  };
  return { door, seen, arrive, turn, settled, standStill: (ms: number) => (clock += ms) };
}

describe('a door', () => {
  it('begins no work while requests arrive, and then that of so many a turn, in their order', async () => {
    const { door, seen, arrive, turn } = doorOf({ perTurn: 4 });
    arrive(10);
    expect(seen.served).toEqual([]);
    await turn();
    expect(seen.served).toEqual([0, 1, 2, 3]);
    expect(door.waiting).toBe(6);
    arrive(1);
    await turn();
    await turn();
    expect(seen.served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(seen.waitedMs).toEqual([0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 4]);
  });

  it('refuses at once what would wait too long by the pace of the last turns', async () => {
    const { seen, arrive, turn, settled } = doorOf({ perTurn: 4, maxWaitMs: 100, msEach: 10 });
    arrive(30);
    // Nobody knows the pace yet.
    expect(seen.refused).toEqual([]);
    await turn();
    await turn();
    // Eight were begun, 10 ms each: 22 wait, twice as many as may.
    arrive(5);
    expect(seen.refused).toEqual([30, 31, 32, 33, 34]);
    await settled();
    arrive(12);
    expect(seen.refused.length).toBe(6);
    await settled();
    expect(seen.served.length).toBe(41);
  });

  it('lets nobody in when there is no room', async () => {
    let room = 3;
    const { seen, arrive, settled } = doorOf({ room: () => room });
    arrive(5);
    expect(seen.refused).toEqual([3, 4]);
    await settled();
    room = 0;
    arrive(1);
    expect(seen.refused).toEqual([3, 4, 5]);
  });

  it('after a standstill of the process measures its pace anew', async () => {
    const { seen, arrive, turn, settled, standStill } = doorOf({ perTurn: 4, maxWaitMs: 100, msEach: 1 });
    arrive(8);
    await turn();
    standStill(60_000);
    await settled();
    arrive(9);
    // By the one turn that it knows, the ninth would have to wait for minutes.
    expect(seen.refused).toEqual([16]);
    await settled();
    arrive(40);
    expect(seen.refused).toEqual([16]);
    await settled();
    arrive(9);
    await turn();
    standStill(60_000);
    await settled();
    arrive(40);
    expect(seen.refused).toEqual([16]);
    await settled();
  });

  it('looks again before it works while there are new connections, so many times at the most', async () => {
    const { door, seen, arrive, turn } = doorOf({ perTurn: 4, looks: 3 });
    arrive(8);
    door.connected();
    await turn();
    expect(seen.served).toEqual([]);
    await turn();
    expect(seen.served).toEqual([0, 1, 2, 3]);
    for (let look = 0; look < 3; look++) {
      door.connected();
      await turn();
      expect(seen.served.length).toBe(4);
    }
    door.connected();
    await turn();
    expect(seen.served.length).toBe(8);
  });

  it('does no work for a client that has gone', async () => {
    const { seen, arrive, settled } = doorOf();
    const [, second] = arrive(3);
    second!.destroyed = true;
    await settled();
    expect(seen.served).toEqual([0, 2]);
    expect(seen.abandoned).toEqual([1]);
    expect(seen.refused).toEqual([]);
  });
});
