import type { Reconciliation } from './reconciliation.ts';

/** Makes what RabbitMQ lacks, and tells a repair apart from the first time. Rejects as the ports do. */
export async function topologyReady({
  election,
  ports,
  recorder,
  publication,
}: Reconciliation): Promise<string> {
  const made = await ports.broker.ensureTopology(election.metadata.name);
  if (made.length > 0) {
    // Votes may have been lost with the queues, and who cast them must not be kept out.
    if (publication.hasOpened) await ports.electorate.doubtMarks();
    const repaired = recorder.conditions.isTrue('TopologyReady');
    recorder.tell(
      repaired ? 'Warning' : 'Normal',
      repaired ? 'TopologyRepaired' : 'TopologyMade',
      made.join('; '),
    );
  }
  return 'Exchange, queues, bindings and policies are there';
}
