/** Width of a text on a terminal, colours not counted. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
const widthOf = (text: string): number => [...text.replace(/\x1b\[\d+m/g, '')].length;

/**
 * A table in plain lines: a header, a rule, the rows. Columns named in `right` are aligned to the right.
 * Returns the lines joined, without a newline at the end.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const widths = header.map((title, column) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    `  ${widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        const space = ' '.repeat(width - widthOf(cell));
        return right.includes(header[column]!) ? space + cell : cell + space;
      })
      .join('  ')}`.trimEnd();
  return [line(header), `  ${widths.map((width) => '─'.repeat(width)).join('  ')}`, ...rows.map(line)].join(
    '\n',
  );
}

/** A number with thin groups of three, as people read it. */
export const number = (value: number): string => value.toLocaleString('en-CA');

/** A share as a percentage with two decimals; a dash if there is nothing to take it of. */
export const percent = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`;
