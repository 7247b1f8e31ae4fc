import { StepError } from './conditions.ts';
import type { Ports } from './ports.ts';

/**
 * Asks all three servers, so that a person learns at once of each that is away. Throws a {@link StepError} that
 * names them all.
 */
export async function connectionsReady({ electorate, broker, ledger }: Ports): Promise<string> {
  const answers = await Promise.allSettled([electorate.ping(), broker.ping(), ledger.ping()]);
  const failures = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [answer.reason as Error] : [],
  );
  const [first] = failures;
  if (!first) return 'Redis, RabbitMQ and PostgreSQL answer';
  throw new StepError(
    first instanceof StepError ? first.reason : 'Unreachable',
    failures.map(({ message }) => message).join('; '),
    {
      lasting: failures.every((failure) => failure instanceof StepError && failure.lasting),
      cause: first,
    },
  );
}
