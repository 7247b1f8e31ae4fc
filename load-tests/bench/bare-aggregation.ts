/** The yardstick's last stage: one transaction a batch (participation, counters), then the acknowledgement. */
import { type ConsumeMessage, connect } from 'amqplib';
import pg from 'pg';

const { RABBITMQ_URL, DATABASE_URL } = process.env as Record<string, string>;
const pool = new pg.Pool({ connectionString: DATABASE_URL!, max: 1 });
const model = await connect(RABBITMQ_URL!, { noDelay: true });
const channel = await model.createChannel();
await channel.prefetch(100);

interface Vote {
  voter: string;
  law_id: string;
  vote: 'oui' | 'non';
  outcome: string;
}

/** Adds what was new to the counters, in the same statement, so that it is one transaction. */
const RECORD = `
with incoming as (
  select distinct on (law_id, voter) law_id, voter, vote
  from unnest($1::text[], $2::bytea[], $3::text[]) as t (law_id, voter, vote)
), fresh as (
  insert into bare_participation (law_id, voter) select law_id, voter from incoming
  on conflict do nothing returning law_id, voter
), sums as (
  select law_id, count(*) filter (where vote = 'oui') as oui, count(*) filter (where vote = 'non') as non
  from fresh join incoming using (law_id, voter) group by law_id
)
insert into bare_results as r (law_id, oui, non) select law_id, oui, non from sums
on conflict (law_id) do update set oui = r.oui + excluded.oui, non = r.non + excluded.non`;

const taken: ConsumeMessage[] = [];
let busy = false;

async function work(): Promise<void> {
  if (busy) return;
  busy = true;
  while (taken.length > 0) {
    const messages = taken.splice(0, 8);
    const votes = messages
      .flatMap((message) => JSON.parse(message.content.toString()) as Vote[])
      .filter(({ outcome }) => outcome === 'v');
    await pool.query({
      name: 'record',
      text: RECORD,
      values: [
        votes.map(({ law_id }) => law_id),
        votes.map(({ voter }) => Buffer.from(voter, 'hex')),
        votes.map(({ vote }) => vote),
      ],
    });
    channel.ack(messages.at(-1)!, true);
  }
  busy = false;
}

await channel.consume('aggregation_queue', (message) => {
  taken.push(message!);
  void work();
});
process.stdout.write('ready\n');
process.on('SIGTERM', () => process.exit(0));
