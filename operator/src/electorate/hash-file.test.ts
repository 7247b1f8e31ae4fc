import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readElectors, type SourceError } from './read-electors.ts';

const hashes = Array.from({ length: 40 }, () => randomBytes(32).toString('hex'));
const [a, b, c, d] = hashes as [string, string, string, string];

/** Reads one file given as text or bytes, in chunks of `chunkBytes`. */
async function read(
  name: string,
  content: string | Buffer,
  chunkBytes = 1 << 16,
): Promise<{ found: string[]; errors: SourceError[] }> {
  const bytes = Buffer.from(content as string);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  const source = {
    async *files() {
      yield { name, stream: Readable.from(chunks, { objectMode: true }) };
    },
  };
  const errors: SourceError[] = [];
  const found: string[] = [];
  for await (const batch of readElectors(source, { batchSize: 7, onError: (error) => errors.push(error) }))
    for (let at = 0; at < batch.length; at += 32) found.push(batch.toString('hex', at, at + 32));
  return { found, errors };
}

const json = (list: readonly string[]) => JSON.stringify({ hashes: list });
const lines = (list: readonly string[]) => `${list.join('\n')}\n`;

describe('a hash file', () => {
  it.each([
    ['text', 'h.txt', lines(hashes)],
    ['text without a last line feed', 'h.txt', hashes.join('\n')],
    ['text with CRLF', 'h.txt', `${hashes.join('\r\n')}\r\n`],
    ['text with a byte order mark', 'h.txt', `\ufeff${lines(hashes)}`],
    ['text with blanks and empty lines', 'h.txt', `\n\n  ${hashes.join(' \n\n\t')}\n\n`],
    ['text in upper case', 'h.txt', lines(hashes).toUpperCase()],
    ['text under another name', 'electorate', lines(hashes)],
    ['JSON', 'h.json', json(hashes)],
    ['JSON for people', 'h.json', JSON.stringify({ hashes }, null, 2)],
    [
      'JSON with a byte order mark and CRLF',
      'h.json',
      `\ufeff${JSON.stringify({ hashes }, null, 2).replaceAll('\n', '\r\n')}`,
    ],
    ['JSON in mixed case', 'h.json', json(hashes.map((hash, i) => (i % 2 ? hash : hash.toUpperCase())))],
    ['JSON of the list alone', 'h.json', JSON.stringify(hashes)],
    ['JSON under another name', 'h.txt', json(hashes)],
    [
      'JSON with other members',
      'h.json',
      JSON.stringify({ made: '2026: [x], "y"', sha256: a, of: [1, 'two'], hashes, total: { n: 40 } }),
    ],
    ['JSON with lists in lists', 'h.json', JSON.stringify({ of: [['one', [2]], [{ by: [['x']] }]], hashes })],
  ])('is read: %s', async (_what, name, content) => {
    for (const chunkBytes of [1 << 16, 61, 1])
      expect(await read(name, content, chunkBytes)).toEqual({ found: hashes, errors: [] });
  });

  it('may hold an empty list, and nothing is found', async () => {
    expect(await read('h.json', '{"hashes":[]}')).toMatchObject({ found: [], errors: [{ line: 1 }] });
    expect(await read('h.txt', '\n\n')).toMatchObject({
      found: [],
      errors: [{ message: 'the file holds no hash' }],
    });
  });
});

describe('a damaged text file', () => {
  it.each([
    ['a short line', `${a}\n${b.slice(1)}\n${c}\n`, [a, c], [2]],
    ['a long line', `${a}\n${b}0\n${c}\n`, [a, c], [2]],
    ['a letter that is no digit', `${a}\n${b.slice(1)}g\n${c}\n`, [a, c], [2]],
    ['a line of other text', `${a}\nhello, world; how are you\n${c}\n`, [a, c], [2]],
    ['a lost line feed', `${a}\n${b}${c}\n${d}\n`, [a, d], [2]],
    ['a NUL inside a hash', `${a}\n${b.slice(0, 20)}\0${b.slice(21)}\n${c}\n`, [a, c], [2]],
    ['a hole of NUL bytes before a hash', `${a}\n${'\0'.repeat(5000)}${b}\n${c}\n`, [a, b, c], [2]],
    ['an end in the middle of a hash', `${a}\n${b}\n${c.slice(0, 30)}`, [a, b], [3]],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(`${a}\n`), Buffer.of(0xff, 0x80, 10), Buffer.from(b)]),
      [a, b],
      [2],
    ],
    ['two bad lines with CRLF', `x\r\n${a}\r\ny\r\n${b}\r\n`, [a, b], [1, 3]],
  ] as const)('costs no good line, and is told by its line: %s', async (_what, content, found, at) => {
    for (const chunkBytes of [1 << 16, 7, 1]) {
      const result = await read('bad.txt', content as string, chunkBytes);
      expect(result.found).toEqual(found);
      expect(result.errors.map(({ file, line }) => [file, line])).toEqual(
        at.map((line) => ['bad.txt', line]),
      );
    }
  });

  it('may hold a line of 10 MB', async () => {
    const result = await read('bad.txt', `${a}\n${'0123456789'.repeat(1_000_000)}\n${b}\n`);
    expect(result.found).toEqual([a, b]);
    expect(result.errors).toEqual([
      { file: 'bad.txt', line: 2, message: 'not a hash: 10000000 characters instead of 64' },
    ]);
  });

  it('is told to be saved again if it is UTF-16', async () => {
    const { found, errors } = await read('h.txt', Buffer.from(`\ufeff${lines(hashes)}`, 'utf16le'));
    expect(found).toEqual([]);
    expect(errors).toEqual([{ file: 'h.txt', line: 1, message: 'the file is UTF-16; save it as UTF-8' }]);
  });
});

describe('a damaged JSON file', () => {
  const rest = hashes.slice(1);
  it.each([
    ['cut off between two hashes', `{"hashes":["${a}","${b}",`, [a, b], 1],
    ['cut off inside a hash', `{"hashes":["${a}","${b}","${c.slice(0, 9)}`, [a, b], 2],
    ['without its end', `{"hashes":["${a}","${b}"`, [a, b], 1],
    ['a hash without its first quote', `{"hashes":["${a}",${b}","${c}"]}`, [a, b, c], 0],
    ['a comma lost', `{"hashes":["${a}""${b}" "${c}"]}`, [a, b, c], 0],
    ['a wrong length', `{"hashes":["${a}","${b}0","${c}"]}`, [a, c], 1],
    ['a number and null in the list', `{"hashes":["${a}",12,null,"${c}"]}`, [a, c], 2],
    ['NUL bytes', `{"hashes":["${a}",\0\0\0"${b}","${c}"]}`, [a, b, c], 1],
    ['the name of the list damaged', `{"ha\0hes":["${a}","${b}","${c}"]}`, [a, b, c], 2],
    ['the bracket lost', `{"hashes":"${a}","${b}","${c}"]}`, [a, b, c], 1],
    ['the beginning lost', `${a.slice(5)}","${b}","${c}","${d}"]}`, [b, c, d], 1],
    ['another bracket in the middle', `{"hashes":["${a}"],"${b}","${c}"]}`, [a, b, c], 1],
    ['no list at all', '{"hash": 1}', [], 1],
    ['empty', '', [], 1],
    ['other text', '<html>not found</html>', [], 1],
  ] as const)('costs no good hash, and is told: %s', async (_what, content, found, errors) => {
    for (const chunkBytes of [1 << 16, 7, 1]) {
      const result = await read('bad.json', content, chunkBytes);
      expect(result.found).toEqual(found);
      expect(result.errors).toHaveLength(errors);
    }
  });

  it('is told by the line where it is damaged', async () => {
    const text = JSON.stringify({ hashes: [...rest.slice(0, 10), 'oops', ...rest.slice(10)] }, null, 1);
    const { found, errors } = await read('bad.json', text);
    expect(found).toEqual(rest);
    expect(errors).toEqual([
      { file: 'bad.json', line: 13, message: 'not a hash: 4 characters instead of 64' },
    ]);
  });
});

it('whatever stands in one line, every other line is read', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.replaceAll(/[\n\r]/g, '')),
      fc.nat({ max: hashes.length - 1 }),
      fc.integer({ min: 1, max: 200 }),
      async (damage, at, chunkBytes) => {
        const list = hashes.with(at, damage);
        const { found } = await read('bad.txt', `#\n${lines(list)}`, chunkBytes);
        expect(found).toEqual(expect.arrayContaining(hashes.toSpliced(at, 1)));
      },
    ),
    { numRuns: 200 },
  );
});
