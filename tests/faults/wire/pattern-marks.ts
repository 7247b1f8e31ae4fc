import type { MarkReader } from '@scrutin/shared/testing/tcp-flow.ts';

/**
 * Marks each match of a pattern of at most `longest` characters, by default the length of the text that is
 * looked for; a character is a byte (latin1).
 */
export function patternMarks(
  name: string,
  pattern: RegExp | string,
  longest = (pattern as string).length,
): () => MarkReader {
  const source = typeof pattern === 'string' ? pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : pattern;
  const global = new RegExp(source, 'g');
  return () => {
    let tail = '';
    return (chunk) => {
      const text = tail + chunk.toString('latin1');
      const matches = [...text.matchAll(global)].map(({ index, 0: { length } }) => ({
        name,
        start: index - tail.length,
        end: index + length - tail.length,
      }));
      // A match that ends in the next chunk may have begun here; one that has ended is not told again.
      const ended = Math.max(0, ...matches.map(({ end }) => end + tail.length));
      tail = text.slice(Math.max(ended, text.length - longest + 1));
      return matches;
    };
  };
}
