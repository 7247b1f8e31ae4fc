/**
 * The yardstick's first stage: the least code that keeps P1, P3 and P4, on the same libraries and servers as
 * the product. No checks beyond the form, no metrics, no limits: what is left is what the machine can do.
 */
import { createHmac, createSecretKey, hash, randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'amqplib';

const { PORT, RABBITMQ_URL, VOTER_PEPPER } = process.env as Record<string, string>;
const pepper = createSecretKey(Buffer.from(VOTER_PEPPER!, 'hex'));
const model = await connect(RABBITMQ_URL!, { noDelay: true });
const channel = await model.createConfirmChannel();

interface Waiting {
  vote: object;
  id: string;
  response: ServerResponse;
}
let waiting: Waiting[] = [];
let timer: NodeJS.Timeout | undefined;

function send(): void {
  clearTimeout(timer);
  timer = undefined;
  const batch = waiting;
  waiting = [];
  const content = Buffer.from(JSON.stringify(batch.map(({ vote }) => vote)));
  channel.publish('', 'validation_queue', content, { persistent: true }, (error) => {
    for (const { response, id } of batch) {
      const body = error ? '{}' : `{"request_id":"${id}","status":"accepted"}`;
      response.writeHead(error ? 503 : 202, {
        'Content-Type': 'application/json',
        'Content-Length': body.length,
      });
      response.end(body);
    }
  });
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { nas, code, law_id, vote } = JSON.parse(Buffer.concat(chunks).toString()) as Record<
      string,
      string
    >;
    if (!/^\d{9}$/.test(nas!) || !/^[0-9A-Z]{6}$/.test(code!) || (vote !== 'oui' && vote !== 'non')) {
      response.writeHead(422).end();
      return;
    }
    const voter = createHmac('sha256', pepper)
      .update(hash('sha256', nas! + code!, 'buffer'))
      .digest('hex');
    const id = randomUUID();
    waiting.push({ vote: { id, voter, law_id, vote }, id, response });
    if (waiting.length >= 128) send();
    else timer ??= setTimeout(send, 2);
  });
});
server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('ready\n'));
process.on('SIGTERM', () => process.exit(0));
