import { hash } from 'node:crypto';
import type { Pepper } from '@scrutin/shared/voter-hash.ts';

/** Bytes of an elector's hash, and of a voter's. */
export const HASH_BYTES = 32;
const BLOCK_BYTES = 64;

/**
 * Makes voter hashes of many electors' hashes: what `voterHash` gives for one (HMAC-SHA-256, RFC 2104), with
 * the pads prepared once and Node's one-shot digests, which is three times as fast (0.5 instead of 1.6 µs).
 */
export function voterHasher(pepper: Pepper): (electors: Buffer) => Buffer[] {
  const key = keyBlock(pepper.export());
  const inner = Buffer.alloc(BLOCK_BYTES + HASH_BYTES);
  const outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES);
  for (let i = 0; i < BLOCK_BYTES; i++) {
    inner[i] = key[i]! ^ 0x36;
    outer[i] = key[i]! ^ 0x5c;
  }
  key.fill(0);
  return (electors) => {
    const voters = Buffer.allocUnsafe(electors.length);
    const list: Buffer[] = [];
    for (let at = 0; at < electors.length; at += HASH_BYTES) {
      electors.copy(inner, BLOCK_BYTES, at, at + HASH_BYTES);
      // As a string of bytes: a Buffer for each digest costs more than the digest.
      outer.write(hash('sha256', inner, 'binary'), BLOCK_BYTES, 'latin1');
      voters.write(hash('sha256', outer, 'binary'), at, 'latin1');
      list.push(voters.subarray(at, at + HASH_BYTES));
    }
    return list;
  };
}

function keyBlock(key: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const short = key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key;
  short.copy(block);
  return block;
}
