import { describe, expect, it } from '@jest/globals';
import type { MarkReader } from '@scrutin/shared/testing/tcp-flow.ts';
import { amqpMarks } from './amqp-marks.ts';
import { MARKS } from './marks.ts';

const frame = (type: number, payload: Buffer, channel = 1) => {
  const head = Buffer.alloc(7);
  head[0] = type;
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
};
const method = (id: number) => frame(1, Buffer.from([0, 60, 0, id, 0, 0]));
const header = (size: number) => {
  const payload = Buffer.alloc(14);
  payload.writeUInt16BE(60, 0);
  payload.writeBigUInt64BE(BigInt(size), 4);
  return frame(2, payload);
};

/** Marks of `bytes` read in chunks of `size`, with where each ends in the whole. */
function read(reader: MarkReader, bytes: Buffer, size: number): [string, number][] {
  const marks: [string, number][] = [];
  for (let at = 0; at < bytes.length; at += size)
    for (const { name, end } of reader(bytes.subarray(at, at + size))) marks.push([name, at + end]);
  return marks;
}

describe.each([1, 3, 10, 1_000])('in chunks of %i bytes', (size) => {
  it('a published message is marked at its method and at the end of its body', () => {
    const begin = Buffer.from('AMQP\0\0\x09\x01');
    const parts = [begin, method(40), header(5), frame(3, Buffer.from('abc')), frame(3, Buffer.from('de'))];
    const all = Buffer.concat([...parts, method(80)]);
    const message = Buffer.concat(parts).length;
    expect(read(amqpMarks(), all, size)).toEqual([
      ['publish', begin.length + method(40).length],
      ['content', message],
      ['ack', all.length],
    ]);
  });

  it('decisions of Redis, commits and accepted votes are marked once each', () => {
    const redis = Buffer.from('$3\r\nabc\r\n$4\r\nvvdi\r\n*0\r\n');
    expect(read(MARKS.redis.toClient(), redis, size)).toEqual([['decided', redis.length - 4]]);
    const query = Buffer.from('Q\0\0\0\x0bcommit\0');
    const twice = Buffer.concat([query, Buffer.from('Q\0\0\0\x0acommi\0'), query]);
    expect(read(MARKS.postgres.toServer(), twice, size)).toEqual([
      ['commit', query.length],
      ['commit', twice.length],
    ]);
    const answers = Buffer.from('HTTP/1.1 503 No\r\n\r\nHTTP/1.1 202 Accepted\r\n');
    expect(read(MARKS.ingestion.toClient(), answers, size)).toEqual([['accepted', 32]]);
  });
});
