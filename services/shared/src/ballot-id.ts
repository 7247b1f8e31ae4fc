import { createHmac, hash, randomFillSync } from 'node:crypto';
import type { Pepper } from './voter-hash.ts';

/**
 * Ballot ids are UUIDs of version 8 (RFC 9562, section 5.8):
 *
 *     bytes 0-5   milliseconds since the epoch (so that an index on them grows at its end),
 *                 or keyed bits for an id derived from an Idempotency-Key
 *     bytes 6-12  random or keyed bits (50, after version and variant)
 *     bytes 13-15 SHA-256 of election and bytes 0-12, truncated: an id that this election never gave
 *                 out, or one mistyped, is told apart from one that waits to be counted, without a look-up
 *
 * Nothing in an id depends on the choice (P5).
 */
const BALLOT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const pool = Buffer.alloc(7 * 512);
let used = pool.length;

/** A new ballot id for a submission that arrived at `now` (milliseconds since the epoch). */
export function newBallotId(electionId: string, now: number = Date.now()): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeUIntBE(now, 0, 6);
  pool.copy(bytes, 6, used, used + 7);
  used += 7;
  return seal(bytes, electionId);
}

/**
 * The ballot id of a submission sent under an `Idempotency-Key`: the same key, voter and law give the same
 * ballot, so that a client's retry is a redelivery and not a second attempt (P3). The choice is left out
 * on purpose (P5): a retry that changes it stays the first ballot.
 */
export function idempotentBallotId(
  electionId: string,
  pepper: Pepper,
  idempotencyKey: string,
  voter: Uint8Array,
  lawId: string,
): string {
  const digest = createHmac('sha256', pepper)
    .update(`ballot\0${lawId}\0${idempotencyKey}\0`)
    .update(voter)
    .digest();
  return seal(Buffer.from(digest.subarray(0, 16)), electionId);
}

/** True if `id` has the form and the check bytes of a ballot id of this election. */
export function isBallotId(id: string, electionId: string): boolean {
  if (!BALLOT_ID.test(id)) return false;
  const bytes = ballotIdBytes(id);
  return checkBytes(bytes, electionId) === id.slice(-6);
}

/** The 16 bytes of a ballot id. */
export const ballotIdBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

function seal(bytes: Buffer, electionId: string): string {
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex', 0, 13) + checkBytes(bytes, electionId);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const checkBytes = (bytes: Buffer, electionId: string): string =>
  hash('sha256', electionId + bytes.toString('latin1', 0, 13), 'hex').slice(0, 6);
