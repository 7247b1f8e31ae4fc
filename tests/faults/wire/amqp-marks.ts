import type { Mark, MarkReader } from '@scrutin/shared/testing/tcp-flow.ts';

/** Methods of class basic (60) by number: AMQP 0-9-1, section 1.8. */
const METHODS: Readonly<Record<number, string>> = {
  40: 'publish',
  60: 'deliver',
  80: 'ack',
  120: 'nack',
};
const BASIC = 60;
const FRAME = { method: 1, header: 2, body: 3 } as const;
/** Type, channel, size before the payload; 0xCE after it. */
const HEAD_BYTES = 7;

/**
 * Reads AMQP 0-9-1 frames (section 4.2.3): marks `publish`, `deliver`, `ack` (to a publisher: its confirm) and
 * `nack`, and `content` at the end of each message's body.
 */
export function amqpMarks(): MarkReader {
  let rest = Buffer.alloc(0);
  let begun = false;
  /** Bytes of body that are still to come, by channel. */
  const missing = new Map<number, number>();
  return (chunk) => {
    const marks: Mark[] = [];
    const shift = -rest.length;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    if (!begun && bytes.length >= 8) {
      begun = true;
      // A client begins with the protocol's header, which is no frame.
      if (bytes.toString('latin1', 0, 4) === 'AMQP') at = 8;
    }
    while (begun && bytes.length >= at + HEAD_BYTES) {
      const size = bytes.readUInt32BE(at + 3);
      const end = at + HEAD_BYTES + size + 1;
      if (bytes.length < end) break;
      const mark = (name: string) => marks.push({ name, start: at + shift, end: end + shift });
      const type = bytes[at];
      const channel = bytes.readUInt16BE(at + 1);
      const payload = at + HEAD_BYTES;
      if (type === FRAME.method && bytes.readUInt16BE(payload) === BASIC) {
        const name = METHODS[bytes.readUInt16BE(payload + 2)];
        if (name !== undefined) mark(name);
      } else if (type === FRAME.header) missing.set(channel, Number(bytes.readBigUInt64BE(payload + 4)));
      else if (type === FRAME.body) missing.set(channel, (missing.get(channel) ?? 0) - size);
      if (type === FRAME.header || type === FRAME.body) if (missing.get(channel) === 0) mark('content');
      at = end;
    }
    rest = Buffer.from(bytes.subarray(at));
    return marks;
  };
}
