import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { idempotentBallotId, isBallotId, newBallotId } from './ballot-id.ts';
import { CHOICES } from './choice.ts';
import { normalizeCode } from './code.ts';
import { electionWindow, type PublishedElection } from './election.ts';
import { isLawId } from './law-id.ts';
import { luhnCheckDigit, normalizeNas, passesLuhn } from './nas.ts';
import { checkSubmission } from './submission.ts';
import { timestamp, timestampSchema } from './timestamp.ts';
import {
  type DecidedVote,
  decidedVoteSchema,
  decodeVotes,
  encodeVotes,
  MAX_VOTES_PER_MESSAGE,
  type PendingVote,
  pendingVoteSchema,
  UnreadableMessage,
} from './vote-message.ts';
import { electorHash, pepperFromHex, voterHash } from './voter-hash.ts';

const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`));
const nas = digits(9);
const code = fc.stringMatching(/^[A-Za-z0-9]{6}$/);
const lawId = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,38}[A-Za-z0-9])?$/);
const choice = fc.constantFrom(...CHOICES);
const pepper = pepperFromHex('5a'.repeat(32));

/** Text that looks right to a person or to a careless check, and is not. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '０４６４５４２８６',
    '٠٤٦٤٥٤٢٨٦',
    '𝟬𝟰𝟲𝟰𝟱𝟰𝟮𝟴𝟲',
    '046454286\u0301',
    '\u202e682454640',
    '\u200b046454286',
    '046454286\0',
    '046454286\n',
    '046\u00a0454\u00a0286',
    '046–454–286',
    'A1B2Ç3',
    'ſ1B2C3',
    'ß1B2C',
    'a1b2c\u0131',
    'A1B2C3\ud800',
    '\udfff',
    'oui\0',
    'ou\u0131',
    'ОUI',
    '__proto__',
    'constructor',
    'loi-1\n',
    'x'.repeat(100_000),
    '1'.repeat(100_000),
  ),
);

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSparseArray: true,
    withNullPrototype: true,
  }),
  nas.map((text) => [text]),
  nas.map((text) => ({ toString: () => text, valueOf: () => text })),
  nas.map((text) => Object(text) as unknown),
  nas.map(Number),
);

describe('a NAS', () => {
  it('is its nine digits, however they are parted', () => {
    const separators = fc.array(fc.constantFrom('', ' ', '-'), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(nas, separators, (text, parted) => {
        const written = [...text].map((digit, i) => digit + (parted[i] ?? '')).join('');
        expect(normalizeNas(written)).toBe(text);
        expect(normalizeNas(normalizeNas(written))).toBe(text);
      }),
    );
  });

  it('is nothing that holds other than nine ASCII digits', () => {
    fc.assert(
      fc.property(hostileValue, (value) => {
        const read = normalizeNas(value);
        if (read === undefined) return;
        expect(typeof value).toBe('string');
        expect(read).toMatch(/^[0-9]{9}$/);
        expect((value as string).replace(/[ -]/g, '')).toBe(read);
      }),
      { numRuns: 2_000 },
    );
    for (const length of [0, 1, 8, 10, 18]) expect(normalizeNas('1'.repeat(length))).toBeUndefined();
    expect(normalizeNas('1--23456789')).toBeUndefined();
  });

  it('passes the Luhn check with exactly one last digit, and no longer with any one digit changed', () => {
    fc.assert(
      fc.property(digits(8), fc.nat(8), fc.integer({ min: 1, max: 9 }), (eight, at, by) => {
        const full = eight + luhnCheckDigit(eight);
        expect(passesLuhn(full)).toBe(true);
        const changed = [...full].map((d, i) => (i === at ? String((Number(d) + by) % 10) : d)).join('');
        expect(passesLuhn(changed)).toBe(false);
      }),
    );
    expect(passesLuhn('046454286')).toBe(true);
  });
});

describe('a code', () => {
  it('is the same in either case', () => {
    fc.assert(
      fc.property(code, (text) => {
        expect(normalizeCode(text.toLowerCase())).toBe(text.toUpperCase());
        expect(normalizeCode(text)).toBe(text.toUpperCase());
      }),
    );
  });

  it('is nothing but six ASCII letters and digits', () => {
    fc.assert(
      fc.property(hostileValue, (value) => {
        const read = normalizeCode(value);
        if (read !== undefined)
          expect([typeof value, /^[A-Za-z0-9]{6}$/.test(value as string)]).toEqual(['string', true]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a law’s id', () => {
  it('can stand in a key, a path and a file name as it is', () => {
    fc.assert(
      fc.property(lawId, (id) => {
        expect(isLawId(id)).toBe(true);
        expect(encodeURIComponent(id)).toBe(id);
        expect(id).not.toMatch(/[:{}/\\\s]|^\.|\.$/);
      }),
    );
    fc.assert(
      fc.property(hostileValue, (value) => {
        if (isLawId(value)) expect(value).toMatch(/^[A-Za-z0-9._-]{1,40}$/);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a submission', () => {
  const submission = fc.record({ nas, code, law_id: lawId, vote: choice });

  it('that is right is taken, whatever else is in it', () => {
    fc.assert(
      fc.property(submission, fc.dictionary(fc.string(), fc.jsonValue()), (good, more) => {
        const checked = checkSubmission({ ...more, ...good });
        expect(checked).toEqual({ ok: true, submission: { ...good, code: good.code.toUpperCase() } });
      }),
    );
  });

  it('never throws, never passes a wrong member on, and never tells what that was', () => {
    const members = { nas: hostileValue, code: hostileValue, law_id: hostileValue, vote: hostileValue };
    const body = fc.oneof(fc.record(members, { requiredKeys: [] }), hostileValue);
    fc.assert(
      fc.property(body, fc.boolean(), (value, luhn) => {
        const checked = checkSubmission(value, { luhn });
        if (checked.ok) {
          expect(checked.submission.nas).toMatch(/^[0-9]{9}$/);
          expect(checked.submission.code).toMatch(/^[A-Z0-9]{6}$/);
          return;
        }
        expect(checked.problems.length).toBeGreaterThan(0);
        for (const { field, message } of checked.problems) {
          expect(['', 'nas', 'code', 'law_id', 'vote']).toContain(field);
          expect(message).not.toMatch(/[0-9]{9}/);
          expect(message.length).toBeLessThan(100);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('echoes no NAS and no code in its problems, in whichever member they stand', () => {
    const field = fc.constantFrom('nas', 'code', 'law_id', 'vote');
    fc.assert(
      fc.property(submission, field, nas, code, (good, at, secret, other) => {
        fc.pre(!/^[A-Z]*$/i.test(other));
        const checked = checkSubmission({ ...good, [at]: `${secret}/${other}` });
        expect(checked.ok).toBe(false);
        expect(JSON.stringify(checked)).not.toContain(secret);
        expect(JSON.stringify(checked)).not.toContain(other);
      }),
    );
  });

  it('takes nothing from a prototype', () => {
    const good = { nas: '046454286', code: 'A1B2C3', law_id: 'loi-1', vote: 'oui' };
    const parsed = JSON.parse(`{"__proto__":${JSON.stringify(good)}}`) as unknown;
    expect(checkSubmission(parsed).ok).toBe(false);
    expect({}).not.toHaveProperty('nas');
    expect(checkSubmission(Object.assign(Object.create(null) as object, good)).ok).toBe(true);
  });
});

describe('a ballot id', () => {
  const electionId = fc.stringMatching(/^[a-z0-9]{1,40}$/);
  const key = fc.stringMatching(/^[!-~]{1,255}$/);
  const voter = fc.uint8Array({ minLength: 32, maxLength: 32 });

  it('is known by its election and by no other, and no longer when mistyped', () => {
    let wrongOnes = 0;
    fc.assert(
      fc.property(electionId, electionId, (ours, theirs) => {
        const id = newBallotId(ours);
        expect(isBallotId(id, ours)).toBe(true);
        if (ours !== theirs && isBallotId(id, theirs)) wrongOnes++;
        for (let at = 0; at < id.length; at++) {
          const digit = id[at] === '0' ? '1' : '0';
          if (isBallotId(id.slice(0, at) + digit + id.slice(at + 1), ours)) wrongOnes++;
        }
      }),
    );
    // The check is of 24 bits: one of these 3,700 passes it by chance in a run of 4,500, two in one of 4 * 10^7.
    expect(wrongOnes).toBeLessThanOrEqual(1);
    fc.assert(fc.property(hostileText, (text) => expect(isBallotId(text, 'demo')).toBe(false)));
  });

  it('is never given out twice', () => {
    // All of one millisecond, and no more of them: of 50 random bits two of 100,000 are the same once in 200,000 runs.
    const ids = new Set(Array.from({ length: 20_000 }, () => newBallotId('demo', 1_790_000_000_000)));
    expect(ids.size).toBe(20_000);
  });

  it('is the same for the same key, voter and law, and only for those', () => {
    const submitted = fc.tuple(key, voter, lawId);
    fc.assert(
      fc.property(submitted, submitted, (one, other) => {
        const id = ([k, v, law]: typeof one) => idempotentBallotId('demo', pepper, k, v, law);
        expect(id(one)).toBe(id([one[0], Uint8Array.from(one[1]), one[2]]));
        expect(isBallotId(id(one), 'demo')).toBe(true);
        expect(id(one) === id(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });
});

describe('a voter hash', () => {
  it('is what RFC 4231 and FIPS 180-4 say, and depends on the pepper', () => {
    expect(electorHash('', 'abc').toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    const long = pepperFromHex('aa'.repeat(131));
    expect(
      voterHash(Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'), long).toString('hex'),
    ).toBe('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54');
    const elector = electorHash('046454286', 'A1B2C3');
    expect(voterHash(elector, pepper)).not.toEqual(voterHash(elector, long));
  });

  it('needs a pepper of 32 bytes or more, and never tells a wrong one', () => {
    fc.assert(
      fc.property(fc.oneof(hostileText, fc.stringMatching(/^[0-9a-f]{10,63}$/)), (text) => {
        fc.pre(!/^1{64}/.test(text));
        const refused = () => pepperFromHex(text);
        expect(refused).toThrow(RangeError);
        expect(refused).toThrow(
          /^the pepper must be at least 32 bytes, written as 64 or more hexadecimal digits$/,
        );
      }),
    );
  });
});

describe('a moment', () => {
  it('is written so that it sorts as text, and reads back', () => {
    const moment = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
    fc.assert(
      fc.property(moment, moment, (one, other) => {
        const written = timestamp(one);
        expect(timestampSchema.safeParse(written).success).toBe(true);
        expect(Date.parse(written)).toBe(one);
        expect(Math.sign(one - other)).toBe(
          written < timestamp(other) ? -1 : written > timestamp(other) ? 1 : 0,
        );
      }),
    );
  });

  it('is none that is not UTC to the millisecond', () => {
    const wrong = [
      '2026-01-01',
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.000+01:00',
      '2026-02-30T00:00:00.000Z',
    ];
    for (const text of wrong) expect(timestampSchema.safeParse(text).success).toBe(false);
    fc.assert(
      fc.property(hostileValue, (value) => expect(timestampSchema.safeParse(value).success).toBe(false)),
    );
  });

  it('is before opening, open, or closed: closing is exclusive', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.integer({ min: 1, max: 1_000 }), fc.nat(3_000), (opens, lasts, now) => {
        const election = {
          opensAt: timestamp(opens),
          closesAt: timestamp(opens + lasts),
          suspended: false,
        } as PublishedElection;
        const expected = now >= opens + lasts ? 'closed' : now < opens ? 'notYetOpen' : 'open';
        expect(electionWindow(election, now)).toBe(expected);
        const suspended = { ...election, suspended: true };
        expect(electionWindow(suspended, now)).toBe(expected === 'open' ? 'suspended' : expected);
      }),
    );
  });
});

describe('a vote message', () => {
  const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
  const shared = {
    ballot_id: fc.constant('demo').map((id) => newBallotId(id)),
    law_id: lawId,
    timestamp: fc.nat(4e12).map(timestamp),
  };
  const client = { ip: fc.ipV6(), user_agent: fc.string({ maxLength: 256 }) };
  const required = ['ballot_id', 'law_id', 'timestamp', 'status', 'duplicate_count'] as const;
  const pending: fc.Arbitrary<PendingVote> = fc.record(
    {
      ...shared,
      voter: hex(64),
      vote: choice,
      status: fc.constant('pending'),
      duplicate_count: fc.constant(0),
      ...client,
    },
    { requiredKeys: [...required, 'voter', 'vote'] },
  );
  const decided: fc.Arbitrary<DecidedVote> = fc.oneof(
    fc.record(
      {
        ...shared,
        voter: hex(64),
        vote: choice,
        status: fc.constant('validated'),
        duplicate_count: fc.constant(0),
        ...client,
      },
      { requiredKeys: [...required, 'voter', 'vote'] },
    ),
    fc.record(
      {
        ...shared,
        voter: hex(64),
        status: fc.constant('duplicate'),
        duplicate_count: fc.constant(1),
        ...client,
      },
      { requiredKeys: [...required, 'voter'] },
    ),
    fc.record({ ...shared, status: fc.constant('invalid'), duplicate_count: fc.constant(0) }),
  );

  it('reads back as it was written', () => {
    const list = <T>(vote: fc.Arbitrary<T>) => fc.array(vote, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(list(pending), list(decided), (before, after) => {
        expect(decodeVotes(encodeVotes(before), pendingVoteSchema)).toEqual({ votes: before, rejected: [] });
        expect(decodeVotes(encodeVotes(after), decidedVoteSchema)).toEqual({ votes: after, rejected: [] });
      }),
    );
  });

  it('of 128 votes stays under 40 KiB without clients', () => {
    const id = newBallotId('demo');
    const vote = {
      ballot_id: id,
      voter: 'f'.repeat(64),
      law_id: 'l'.repeat(40),
      vote: 'oui',
      timestamp: timestamp(0),
      status: 'pending',
      duplicate_count: 0,
    } as const;
    expect(encodeVotes(Array.from({ length: MAX_VOTES_PER_MESSAGE }, () => vote)).length).toBeLessThan(
      40 * 1024,
    );
  });

  it('loses no good vote among bad ones, and tells no value of a bad one', () => {
    const bad = fc.oneof(
      fc.jsonValue(),
      fc
        .tuple(pending, fc.constantFrom('ballot_id', 'voter', 'law_id', 'vote', 'timestamp', 'status'), nas)
        .map(([vote, field, value]) => ({ ...vote, [field]: value + value })),
    );
    const mixed = fc.array(fc.oneof(pending, bad), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(mixed, (list) => {
        const decoded = decodeVotes(
          Buffer.from(JSON.stringify({ version: 1, votes: list })),
          pendingVoteSchema,
        );
        const good = list.filter((vote) => pendingVoteSchema.safeParse(vote).success);
        expect(decoded.votes).toHaveLength(good.length);
        expect(decoded.rejected).toHaveLength(list.length - good.length);
        for (const { reason } of decoded.rejected) expect(reason).not.toMatch(/[0-9]{9}/);
      }),
    );
  });

  it('that is none is unreadable, and nothing else is thrown', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
      fc
        .record({ version: fc.jsonValue(), votes: fc.jsonValue() })
        .map((value) => Buffer.from(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(bytes, (content) => {
        try {
          decodeVotes(content, pendingVoteSchema);
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableMessage);
        }
      }),
      { numRuns: 1_000 },
    );
    const tooMany = Buffer.from(JSON.stringify({ version: 1, votes: Array(129).fill({}) }));
    expect(() => decodeVotes(tooMany, pendingVoteSchema)).toThrow(UnreadableMessage);
  });

  it('of a vote that is not counted has no choice, and of a stranger no voter', () => {
    fc.assert(
      fc.property(pending, (vote) => {
        const status = (decision: string, count: number) => ({
          ...vote,
          status: decision,
          duplicate_count: count,
        });
        expect(decidedVoteSchema.parse(status('duplicate', 1))).not.toHaveProperty('vote');
        const invalid = decidedVoteSchema.parse(status('invalid', 0));
        expect(invalid).not.toHaveProperty('vote');
        expect(invalid).not.toHaveProperty('voter');
        expect(invalid).not.toHaveProperty('ip');
      }),
    );
  });
});
