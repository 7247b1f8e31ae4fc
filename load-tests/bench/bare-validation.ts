/** The yardstick's second stage: one script call a batch, outcomes published with confirms, then acknowledged. */
import { type ConsumeMessage, connect } from 'amqplib';
import { Redis } from 'ioredis';

const { RABBITMQ_URL, REDIS_URL, PREFIX } = process.env as Record<string, string>;

/** Marks each vote's voter with the ballot's id: 'v' first or the same ballot again, 'd' another, 'i' unknown. */
const DECIDE = `
local out = {}
for i = 1, #ARGV, 3 do
  local key = ARGV[i]
  if redis.call('SISMEMBER', KEYS[1], ARGV[i + 1]) == 0 then out[#out + 1] = 'i'
  elseif redis.call('HSETNX', KEYS[2], key, ARGV[i + 2]) == 1 then out[#out + 1] = 'v'
  elseif redis.call('HGET', KEYS[2], key) == ARGV[i + 2] then out[#out + 1] = 'v'
  else out[#out + 1] = 'd' end
end
return table.concat(out)`;

interface Vote {
  id: string;
  voter: string;
  law_id: string;
  vote?: string;
  outcome?: string;
}

const redis = new Redis(REDIS_URL!);
const script = (await redis.script('LOAD', DECIDE)) as string;
const model = await connect(RABBITMQ_URL!, { noDelay: true });
const consuming = await model.createChannel();
const publishing = await model.createConfirmChannel();
await consuming.prefetch(100);

const taken: ConsumeMessage[] = [];
let busy = false;

async function work(): Promise<void> {
  if (busy) return;
  busy = true;
  while (taken.length > 0) {
    const messages = taken.splice(0, 8);
    const batches = messages.map((message) => JSON.parse(message.content.toString()) as Vote[]);
    const votes = batches.flat();
    const args = votes.flatMap(({ voter, law_id, id }) => [`${law_id}:${voter}`, voter, id]);
    const decided = (await redis.evalsha(
      script,
      2,
      `${PREFIX}electorate`,
      `${PREFIX}voted`,
      ...args,
    )) as string;
    votes.forEach((vote, i) => {
      vote.outcome = decided[i];
    });
    await Promise.all(
      batches.map(
        (batch) =>
          new Promise<void>((resolve, reject) => {
            const content = Buffer.from(JSON.stringify(batch));
            publishing.publish('', 'aggregation_queue', content, { persistent: true }, (error) =>
              error ? reject(error) : resolve(),
            );
          }),
      ),
    );
    consuming.ack(messages.at(-1)!, true);
  }
  busy = false;
}

await consuming.consume('validation_queue', (message) => {
  taken.push(message!);
  void work();
});
process.stdout.write('ready\n');
process.on('SIGTERM', () => process.exit(0));
