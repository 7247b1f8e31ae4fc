import { hash } from 'node:crypto';
import type { Response } from 'express';
import type { Snapshot } from './snapshot.ts';

/** A body as it is sent, made once for all readers. */
export interface Representation {
  type: string;
  body: Buffer;
  /** SHA-256 of the body, hexadecimal. */
  digest: string;
}

export function representation(type: string, content: string | Buffer): Representation {
  const body = Buffer.from(content as string);
  return { type, body, digest: hash('sha256', body, 'hex') };
}

/** Keeps what was made from a snapshot, for as long as the snapshot lives. */
export class Representations {
  readonly #made = new WeakMap<Snapshot, Map<string, Representation>>();

  /** `key` names the variant, one of a few; `make` runs once for each snapshot and key. */
  of(snapshot: Snapshot, key: string, make: () => Representation): Representation {
    let variants = this.#made.get(snapshot);
    if (!variants) {
      variants = new Map();
      this.#made.set(snapshot, variants);
    }
    let made = variants.get(key);
    if (!made) {
      made = make();
      variants.set(key, made);
    }
    return made;
  }
}

/** Readers and proxies may keep an answer for a second: as old as the counts are anyway. */
export const SHARED_FOR_A_SECOND = 'public, max-age=1';

/** Sends a representation, or 304 to who has it already (RFC 9110, section 13.1.2). */
export function sendRepresentation(response: Response, { type, body, digest }: Representation): void {
  response.set({
    'Content-Type': type,
    'Cache-Control': SHARED_FOR_A_SECOND,
    ETag: `"${digest.slice(0, 32)}"`,
    'X-Content-Type-Options': 'nosniff',
  });
  // express compares If-None-Match with the ETag.
  response.send(body);
}
