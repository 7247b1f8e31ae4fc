import { connect, type Socket } from 'node:net';
import { HttpLane } from '../../../load-tests/http-lane.ts';
import { type FaultKind, midway } from '../fault.ts';
import { pauseWithin } from '../scene.ts';

/**
 * Clients that hang: they send a request bit by bit and never its end (slow loris), or only a part of it and then
 * nothing. None of their votes is complete, so none may be counted.
 */
export const hangingClients: FaultKind = (random) => {
  const count = random.between(50, 400);
  const cut = random.pick([20, 120, 250]);
  const ms = random.between(1_000, 5_000);
  return {
    says: `${count} clients that send ${cut} bytes, then one every 50 ms, and never the end, for ${ms} ms`,
    at: midway(random, 2, 40),
    strike: async (scene) => {
      const { electors, laws, ingestion } = scene.election;
      const sockets: Socket[] = [];
      for (let i = 0; i < count; i++) {
        const { nas, code } = electors.at(-1 - i)!;
        const request = HttpLane.post(
          '/api/v1/vote',
          JSON.stringify({ nas, code, law_id: laws[0], vote: 'oui' }),
        );
        const socket = connect(ingestion.options.port, '127.0.0.1');
        socket.on('error', () => {});
        // Never the whole of it, however short the request is.
        let at = Math.min(cut, request.length - 1);
        socket.write(request.slice(0, at));
        const dripping = setInterval(() => {
          if (at < request.length - 1) socket.write(request[at++]!);
        }, 50);
        socket.once('close', () => clearInterval(dripping));
        sockets.push(socket);
      }
      await pauseWithin(scene, ms);
      for (const socket of sockets) socket.destroy();
    },
  };
};
