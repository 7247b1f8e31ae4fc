import { maskUrl } from '@scrutin/shared/config.ts';
import { pause } from '@scrutin/shared/retry.ts';
import { connect } from 'amqplib';
import { StepError } from '../../operator/src/reconcile/conditions.ts';
import type { Ports } from '../../operator/src/reconcile/ports.ts';
import type { Steps } from '../stack/steps.ts';

/**
 * Waits until every server answers. Rejects after `timeoutMs` with one line a server that does not; at once for
 * what waiting can't mend, such as a wrong password.
 */
export async function waitForServers(
  steps: Steps,
  ports: Ports,
  { rabbitmqUrl, timeoutMs }: { rabbitmqUrl: string | undefined; timeoutMs: number },
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  const step = (name: string, ask: () => Promise<void>) =>
    steps.step(name, () => waitFor(name, deadline, ask));
  const all = [
    step('Redis', () => ports.electorate.ping()),
    step('PostgreSQL', () => ports.ledger.ping()),
    ...(rabbitmqUrl === undefined
      ? []
      : [
          step('RabbitMQ, AMQP', () => amqpAnswers(rabbitmqUrl)),
          step('RabbitMQ, management', () => ports.broker.ping()),
        ]),
  ];
  const failed = (await Promise.allSettled(all)).filter((result) => result.status === 'rejected');
  if (failed.length > 0) throw new Error(failed.map(({ reason }) => (reason as Error).message).join('\n'));
}

async function waitFor(what: string, deadline: number, ask: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const lasting = error instanceof StepError && error.lasting;
      if (lasting || Date.now() > deadline) throw new Error(`${what}: ${(error as Error).message}`);
      await pause(500);
    }
  }
}

async function amqpAnswers(url: string): Promise<void> {
  const model = await connect(url, { timeout: 5_000 }).catch((error: Error) => {
    if (/ACCESS.REFUSED/i.test(error.message))
      throw new StepError('AccessDenied', 'RabbitMQ refuses the user or password of RABBITMQ_URL', {
        lasting: true,
      });
    throw new Error(
      `${error.message || 'no answer'} (${String(maskUrl(url))}); start it, or correct RABBITMQ_URL`,
    );
  });
  // What happens to a connection that is being closed is no concern of ours.
  model.on('error', () => {});
  await model.close();
}
