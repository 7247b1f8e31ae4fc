import type { TcpProxyOptions } from '@scrutin/shared/testing/tcp-proxy.ts';
import { amqpMarks } from './amqp-marks.ts';
import { patternMarks } from './pattern-marks.ts';

/** What is recognised on the way to each server, see the fault kinds for what it is used for. */
export const MARKS = {
  rabbitmq: { toServer: amqpMarks, toClient: amqpMarks },
  redis: {
    // The reply of decide.lua: one letter a vote, as a bulk string (RESP).
    toClient: patternMarks('decided', /\$\d{1,5}\r\n[vdi]+\r\n/, 70_000),
  },
  postgres: {
    // Query and CommandComplete (PostgreSQL's manual, "Message Formats"): type, length 11, text.
    toServer: patternMarks('commit', 'Q\0\0\0\x0bcommit\0'),
    toClient: patternMarks('committed', 'C\0\0\0\x0bCOMMIT\0'),
  },
  ingestion: { toClient: patternMarks('accepted', 'HTTP/1.1 202 ') },
} as const satisfies Record<string, TcpProxyOptions['marks']>;
