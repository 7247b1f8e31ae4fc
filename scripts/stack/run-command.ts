import { Command, InvalidArgumentError } from 'commander';
import { type RunOptions, runStack } from './run.ts';
import { runCommand } from './steps.ts';

/** A commander parser of whole numbers. */
export const wholeNumber = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}`);
  return value;
};

/** The command line that `npm start` and `npm run dev` share. */
export async function runFromCommandLine(name: string, { dev }: { dev: boolean }): Promise<void> {
  const program = new Command(name)
    .description(
      'Starts private Redis, RabbitMQ and PostgreSQL and the whole pipeline, makes a sample election,\ncasts sample votes, shows the results, and stays up until Ctrl-C.',
    )
    .option('--votes <n>', 'sample votes to cast, all kinds together', wholeNumber(10, 10_000_000), 2_000)
    .option('--voters <n>', 'people of the sample electorate', wholeNumber(10, 100_000_000), 100_000)
    .option('--workers <n>', 'validation workers', wholeNumber(1, 64), 2)
    .option('--election <file>', 'run this Election instead of the sample; casts no votes')
    .option('--no-sample', 'cast no sample votes')
    .option('--exit', 'stop after the results; exit code 0 only if every count is what was cast', false)
    .option('--no-prometheus', 'without Prometheus, which otherwise runs beside it, but not with --exit')
    .option('--grafana', 'with Grafana too, where it is installed', false)
    .option('--yes', 'install missing system packages without asking', false)
    .addHelpText(
      'after',
      `
Environment: SCRUTIN_DATA moves the data folder (.scrutin). REDIS_URL, RABBITMQ_URL with
RABBITMQ_MANAGEMENT_URL, and DATABASE_URL name servers to use instead of private ones.${
        dev ? '\nChanged sources restart their stage; debuggers listen from port 9301 on.' : ''
      }`,
    )
    .parse();
  const options = program.opts<Omit<RunOptions, 'dev'>>();
  // Somebody closed the pipe or the terminal: what was started must still be stopped in order.
  process.stdout.on('error', () => {});
  await runCommand(async () => {
    const code = await runStack({ ...options, dev });
    // Whatever socket is still open must not keep the terminal waiting.
    setTimeout(() => process.exit(code), 500).unref();
    return code;
  });
}
