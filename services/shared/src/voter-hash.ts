import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

/** An election's secret pepper, ready for use. At least 32 bytes. */
export type Pepper = KeyObject;

/** Reads a pepper written as hex. Throws a `RangeError` (without the value) if it is not 32 bytes or more. */
export function pepperFromHex(hex: string): Pepper {
  if (!/^(?:[0-9a-f]{2}){32,}$/i.test(hex.trim()))
    throw new RangeError('the pepper must be at least 32 bytes, written as 64 or more hexadecimal digits');
  return createSecretKey(Buffer.from(hex.trim(), 'hex'));
}

/**
 * SHA-256 of NAS (nine digits) followed by code (six upper-case characters), 32 bytes: what an
 * electorate's files hold, as 64 hexadecimal digits.
 */
export const electorHash = (nas: string, code: string): Buffer => hash('sha256', nas + code, 'buffer');

/**
 * The voter hash that Redis, RabbitMQ and PostgreSQL see (P4): HMAC-SHA-256 of the 32 bytes of the
 * elector's hash with the pepper (RFC 2104). Without the pepper it can't be searched over all NAS.
 */
export const voterHash = (elector: Uint8Array, pepper: Pepper): Buffer =>
  createHmac('sha256', pepper).update(elector).digest();

/** {@link electorHash} as the 64 hexadecimal digits of the files; several times as fast as by way of a Buffer. */
export const electorHashDigits = (nas: string, code: string): string => hash('sha256', nas + code, 'hex');

/**
 * Tells two peppers apart and gives neither away: 16 hexadecimal digits of an HMAC-SHA-256 keyed with it. The electorate's
 * `meta` in Redis holds it.
 */
export const pepperId = (pepper: Pepper): string =>
  createHmac('sha256', pepper).update('scrutin pepper id').digest('hex').slice(0, 16);
