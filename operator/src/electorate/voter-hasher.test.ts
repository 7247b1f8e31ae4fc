import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { voterHash } from '@scrutin/shared/voter-hash.ts';
import fc from 'fast-check';
import { HASH_BYTES, voterHasher } from './voter-hasher.ts';

const joined = (electors: readonly Uint8Array[]) => Buffer.concat(electors);

describe('hashing many voters', () => {
  it('gives what hashing each alone gives, whatever the pepper’s length', () => {
    const bytes = fc.uint8Array({ minLength: HASH_BYTES, maxLength: HASH_BYTES });
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 200 }),
        fc.array(bytes, { maxLength: 20 }),
        (key, electors) => {
          const pepper = createSecretKey(key);
          const voters = voterHasher(pepper)(joined(electors));
          expect(voters).toEqual(electors.map((elector) => voterHash(elector, pepper)));
        },
      ),
    );
  });

  it('keeps peppers apart that are in use at the same time', () => {
    const peppers = [createSecretKey(randomBytes(32)), createSecretKey(randomBytes(64))] as const;
    const [a, b] = [voterHasher(peppers[0]), voterHasher(peppers[1])];
    const elector = randomBytes(32);
    expect([a(elector), b(elector), a(elector)].flat()).toEqual(
      [peppers[0], peppers[1], peppers[0]].map((pepper) => voterHash(elector, pepper)),
    );
  });
});
