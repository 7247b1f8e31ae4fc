import type { ResultsView } from './results-schemas.ts';

const COLUMNS = [
  'law_id',
  'title_fr',
  'title_en',
  'oui_count',
  'non_count',
  'total_votes',
  'oui_percent',
  'non_percent',
  'eligible',
  'turnout_percent',
  'updated_at',
  'final',
] as const;

/** The results as CSV (RFC 4180: CRLF, quotes doubled), a header line first, a law a line. */
export function resultsCsv(view: ResultsView): string {
  const rows = view.laws.map((law) => {
    const cells = { ...law, title_fr: law.title.fr, title_en: law.title.en };
    return COLUMNS.map((column) => csvCell(cells[column]));
  });
  return [COLUMNS, ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

function csvCell(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value);
  // A spreadsheet would run a text that begins like a formula.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
