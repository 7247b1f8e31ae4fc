import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import type { VoteStatus } from '@scrutin/shared/status.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import type { PlannedVote } from '../../load-tests/plan-votes.ts';
import { settledHistory } from './settled-history.ts';
import { SteadyVotes } from './steady-votes.ts';

const votes: PlannedVote[] = [{ kind: 'valid', lawId: 'loi-1', choice: 'oui', body: '{}', elector: 0 }];
/** Nobody listens there: how many are recorded is not what these tests are about. */
const databaseUrl = 'postgres://nobody@127.0.0.1:1/none';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function castTo(answer: Parameters<typeof createServer>[1], lastAnswerMs = 500): Promise<SteadyVotes> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return new SteadyVotes({ url, databaseUrl, votes, perSecond: 100, requestMs: 300, lastAnswerMs });
}

test.each([
  ['refused each time', 503],
  ['not answered at all', undefined],
] as const)('a vote that is %s is given up after stop, and is unknown', async (_how, status) => {
  let asked = 0;
  const load = await castTo((_request, response) => {
    asked++;
    if (status !== undefined) response.writeHead(status, { 'Content-Length': 0 }).end();
  });
  await until('it is sent again', () => asked >= 2);
  await load.stop();
  expect(load.history).toMatchObject([{ vote: votes[0], status: 0 }]);
  expect(load.history[0]).not.toHaveProperty('ballotId');
});

test('a vote that is under way when the votes stop gets its answer', async () => {
  let asked = 0;
  const load = await castTo((_request, response) => {
    if (++asked < 3) response.writeHead(503, { 'Content-Length': 0 }).end();
    else response.writeHead(202, { 'Content-Length': 20 }).end('{"request_id":"abc"}');
  }, 20_000);
  await until('it is sent', () => asked >= 1);
  await load.stop();
  expect(load.history).toMatchObject([{ status: 202, ballotId: 'abc' }]);
});

test('an unknown vote is taken for accepted if its ballot is on record, and left out if not', () => {
  const [vote] = votes as [PlannedVote];
  const accepted = { vote, status: 202, body: '', idempotencyKey: 'a', ballotId: 'ballot a' };
  const found = { vote, status: 0, body: '', idempotencyKey: 'b' };
  const lost = { vote, status: 0, body: '', idempotencyKey: 'c' };
  const statuses = new Map<string, VoteStatus>([
    ['ballot a', 'aggregated'],
    ['ballot b', 'duplicate'],
  ]);
  const history = settledHistory(
    [accepted, found, lost],
    statuses,
    ({ idempotencyKey }) => `ballot ${idempotencyKey}`,
  );
  expect(history).toEqual([accepted, { ...found, ballotId: 'ballot b' }]);
});
