import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ChannelModel } from 'amqplib';
import { Broker } from './broker.ts';
import { createLog } from './log.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { until, VirtualHost } from './testing/virtual-host.ts';

let vhost: VirtualHost;
let proxy: TcpProxy;
let broker: Broker | undefined;
let lines: string[];

beforeEach(async () => {
  vhost = await VirtualHost.create({ topology: false });
  proxy = await TcpProxy.to(vhost.url);
  lines = [];
});

afterEach(async () => {
  await broker?.close();
  broker = undefined;
  await proxy.close();
  await vhost.remove();
});

function open(setup: (model: ChannelModel) => Promise<void>, onLost?: () => void): Broker {
  const destination = { write: (line: string) => lines.push(line) };
  const log = createLog({ stage: 'test', level: 'info', format: 'json', destination });
  const url = proxy.through(vhost.url);
  broker = Broker.open({ url, name: 'broker under test', log, setup, ...(onLost && { onLost }) });
  return broker;
}

const createChannel = async (model: ChannelModel): Promise<void> => {
  await model.createChannel();
};

describe('a connection to the broker', () => {
  it('is connected only after its setup is done', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let began = false;
    const opened = open(async () => {
      began = true;
      await promise;
    });
    await until('setup begins', () => began);
    expect(opened.connected).toBe(false);
    resolve();
    await until('setup is done', () => opened.connected);
  });

  it('survives a break in the middle of its setup', async () => {
    let setups = 0;
    const opened = open(async (model) => {
      setups++;
      if (setups <= 3) {
        proxy.cut();
        // Never answered: the request goes into a broken connection.
        await model.createChannel();
      }
    });
    await until('the connection is made', () => opened.connected);
    expect(setups).toBe(4);
  });

  it('notices a loss that comes together with the last answer to its setup', async () => {
    let setups = 0;
    const opened = open(async (model) => {
      setups++;
      await model.createChannel();
      if (setups > 1) return;
      // connection.close (320, "gone") in the very packet that answers channel.open, so that both are handled
      // before any promise is: what amqplib's own recovery misses.
      proxy.onAnswer = (_chunk, client) => {
        proxy.onAnswer = undefined;
        client.cork();
        setImmediate(() => client.uncork());
        process.nextTick(() => client.write(CLOSE));
      };
      await model.createChannel();
    });
    await until('it is connected again', () => setups === 2 && opened.connected);
  });

  it('tries again while its setup fails, and tells so once', async () => {
    let setups = 0;
    const opened = open(async (model) => {
      await model.createChannel();
      if (++setups < 5) throw new Error('no such queue yet');
    });
    await until('the connection is made', () => opened.connected);
    const warnings = lines.filter((line) => line.includes('"level":"warn"'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('no such queue yet');
    expect(lines.at(-1)).toContain('RabbitMQ is back');
  });

  it('makes a new connection when it is reset, also during its setup', async () => {
    let setups = 0;
    const opened = open(async (model) => {
      setups++;
      if (setups === 1) opened.reset();
      await model.createChannel();
    });
    await until('the connection is made', () => opened.connected);
    expect(setups).toBe(2);
    opened.reset();
    expect(opened.connected).toBe(false);
    await until('the connection is made again', () => opened.connected);
    expect(setups).toBe(3);
  });

  it('is cut off and made anew when a reset gets no answer', async () => {
    const opened = open(createChannel);
    await until('the connection is made', () => opened.connected);
    proxy.freeze();
    opened.reset();
    await until('another is tried', () => proxy.connections >= 2);
    proxy.pass();
    await until('the connection is made again', () => opened.connected);
  });

  it('tells of a loss before it tries again', async () => {
    const events: string[] = [];
    const opened = open(
      async (model) => {
        events.push('setup');
        await model.createChannel();
      },
      () => events.push('lost'),
    );
    await until('the connection is made', () => opened.connected);
    proxy.cut();
    await until('it is made again', () => events.length >= 3 && opened.connected);
    expect(events).toEqual(['setup', 'lost', 'setup']);
  });

  it('waits for its virtual host to be made', async () => {
    const name = `${vhost.name}-later`;
    const url = new URL(vhost.url);
    url.pathname = `/${name}`;
    const log = createLog({ stage: 'test', level: 'silent' });
    broker = Broker.open({ url: url.href, name: 'broker under test', log, setup: createChannel });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(broker.connected).toBe(false);
    const { management } = await import('./testing/virtual-host.ts');
    try {
      await management('PUT', `/vhosts/${name}`);
      const all = { configure: '.*', write: '.*', read: '.*' };
      await management('PUT', `/permissions/${name}/${url.username || 'guest'}`, all);
      await until('the connection is made', () => broker!.connected);
    } finally {
      await broker.close();
      await management('DELETE', `/vhosts/${name}`);
    }
  });

  it('never logs the password of its address', async () => {
    const url = new URL(vhost.url);
    url.password = 'not-the-password';
    const destination = { write: (line: string) => lines.push(line) };
    const log = createLog({ stage: 'test', level: 'trace', format: 'json', destination });
    broker = Broker.open({ url: url.href, name: 'broker under test', log, setup: createChannel });
    await until('the refusal is told', () => lines.length > 0);
    expect(lines.join()).not.toContain('not-the-password');
  });
});

/** connection.close with code 320 and text "gone". */
const CLOSE = (() => {
  const payload = Buffer.from('000a00320140' + '04676f6e65' + '0000' + '0000', 'hex');
  const head = Buffer.alloc(7);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
})();
