import { MAX_VOTES_PER_MESSAGE } from './vote-message.ts';

/**
 * How a vote's place in its trace travels with the message that holds it: in the message's headers, never in
 * the vote itself. `traceparent` is the first traced vote's, as W3C Trace Context writes it, so that any tool
 * finds it; `x-traced-votes` has each traced vote's position in the message and its own `traceparent`.
 */

/** A place in a trace. */
export interface TracePlace {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 hexadecimal digits. */
  spanId: string;
}

/** A traced vote of a message: its position among the message's votes, from 0, and its place. */
export interface TracedVote {
  position: number;
  place: TracePlace;
}

const FIRST_HEADER = 'traceparent';
const ALL_HEADER = 'x-traced-votes';
/** Sampled, version 0; neither id may be all zeros (W3C Trace Context, section 3.2.2). */
const TRACED_VOTE = /^(\d{1,3}) 00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-01$/;

const traceparent = ({ traceId, spanId }: TracePlace): string => `00-${traceId}-${spanId}-01`;

/** The headers of a message that holds these traced votes, at least one: under 8 KiB, as a message holds 128 votes at the most. */
export const traceHeaders = (traced: readonly TracedVote[]): Record<string, string> => ({
  [FIRST_HEADER]: traceparent(traced[0]!.place),
  [ALL_HEADER]: traced.map(({ position, place }) => `${position} ${traceparent(place)}`).join(','),
});

/** The traced votes that a message's headers name. What can't be read is left out; nothing throws. */
export function readTraceHeaders(headers: Record<string, unknown> | undefined): TracedVote[] {
  const all = headers?.[ALL_HEADER];
  if (typeof all !== 'string' || all.length > MAX_VOTES_PER_MESSAGE * 64) return [];
  return all.split(',').flatMap((entry) => {
    const [, position, traceId, spanId] = TRACED_VOTE.exec(entry) ?? [];
    if (position === undefined || traceId === undefined || spanId === undefined) return [];
    return [{ position: Number(position), place: { traceId, spanId } }];
  });
}
