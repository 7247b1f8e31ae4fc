import { electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { connect } from 'amqplib';
import type { ElectionUnderTest } from '../support/election-under-test.ts';
import type { StageProcess } from '../support/stage-process.ts';

/** Everything was repaired, and votes still did not come to rest. */
export class NotSettled extends Error {
  override name = 'NotSettled';
}

/**
 * Brings an election to rest, stage by stage in the order of a vote's way: no more votes are taken, each queue
 * is worked off, and its workers end in order, so that nothing is under way any more. Results stay up.
 * Throws {@link NotSettled} if a queue is not worked off within `limitMs`.
 */
export async function settle(election: ElectionUnderTest, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  await election.ingestion.stop();
  for (const [queue, stages] of [
    [QUEUES.validation, election.validations],
    [QUEUES.aggregation, election.aggregations],
  ] as const) {
    for (;;) {
      await emptied(election, queue, deadline);
      await Promise.all(stages.map((stage) => stage.stop()));
      // What a worker could not finish has gone back to the queue.
      if ((await depth(election, queue)) === 0) break;
      for (const stage of stages) stage.start();
      await ready(stages, deadline);
    }
  }
}

/** Resolves once nothing waits in a queue that is worked. Throws {@link NotSettled} at `deadline` (epoch, ms). */
export async function drained(election: ElectionUnderTest, deadline: number): Promise<void> {
  await emptied(election, QUEUES.validation, deadline);
  await emptied(election, QUEUES.aggregation, deadline);
}

const ready = (stages: readonly StageProcess[], deadline: number): Promise<unknown> =>
  Promise.all(stages.map((stage) => stage.ready(Math.max(1_000, deadline - Date.now()))));

async function emptied(election: ElectionUnderTest, queue: string, deadline: number): Promise<void> {
  for (;;) {
    // A queue may have no leader yet after the broker's start: then it is asked again.
    const messages = await depth(election, queue).catch((error: Error) => error);
    if (messages === 0) return;
    if (Date.now() > deadline) {
      if (messages instanceof Error) throw new NotSettled(`${queue} does not tell`, { cause: messages });
      throw new NotSettled(`${messages} messages are left in ${queue}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Messages that are ready: those of the consumers that are at work are not among them. */
async function depth(election: ElectionUnderTest, queue: string): Promise<number> {
  const model = await connect(electionRabbitmqUrl(election.urls.RABBITMQ_URL, election.id));
  model.on('error', () => {});
  try {
    const channel = await model.createChannel();
    return (await channel.checkQueue(queue)).messageCount;
  } finally {
    await model.close();
  }
}
