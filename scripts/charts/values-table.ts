import type { ChartValue } from './values-file.ts';

/** The values of a chart as a Markdown table. */
export function valuesTable(values: readonly ChartValue[]): string {
  const rows = values.map(
    ({ path, description, initial }) =>
      `| \`${path.join('.')}\` | ${shown(initial)} | ${description.replaceAll('|', '\\|')} |`,
  );
  return ['| key | default | what it is |', '| --- | --- | --- |', ...rows].join('\n');
}

function shown(initial: unknown): string {
  if (initial === '' || initial === null || initial === undefined) return '';
  return `\`${JSON.stringify(initial).replaceAll('"', initial instanceof Object ? '"' : '')}\``;
}

const mark = (chart: string, end: boolean): string =>
  `<!-- ${end ? 'end of the' : 'the'} values of ${chart}, made by scripts/values-schema.ts -->`;

/** The document with its table of a chart's values made anew. Throws if it has no place for one. */
export function withTable(document: string, chart: string, table: string): string {
  const begin = document.indexOf(mark(chart, false));
  const end = document.indexOf(mark(chart, true));
  if (begin < 0 || end < begin) throw new Error(`there is no place for the values of ${chart}`);
  return `${document.slice(0, begin)}${mark(chart, false)}\n\n${table}\n\n${document.slice(end)}`;
}
