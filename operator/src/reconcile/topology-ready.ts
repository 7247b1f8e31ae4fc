import type { Reconciliation } from './reconciliation.ts';

/** Makes what RabbitMQ lacks, and tells a repair apart from the first time. Rejects as the ports do. */
export async function topologyReady({
  election,
  ports,
  recorder,
  publication,
}: Reconciliation): Promise<string> {
  const made = await ports.broker.ensureTopology(election.metadata.name, async () => {
    // Votes may have been lost with the queues, and who cast them must not be kept out. Noted while the loss can be seen: were
    // the queues there first and this process ended, nobody would know.
    if (publication.hasOpened) await ports.electorate.doubtMarks();
  });
  if (made.length > 0) {
    // While RabbitMQ is away the condition is false, whatever was there before.
    const repaired = publication.current !== undefined || recorder.conditions.isTrue('TopologyReady');
    recorder.tellDone(
      repaired ? 'Warning' : 'Normal',
      repaired ? 'TopologyRepaired' : 'TopologyMade',
      made.join('; '),
    );
  }
  return 'Exchange, queues, bindings and policies are there';
}
