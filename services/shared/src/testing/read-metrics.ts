/** A series' name with its labels as the text has them, and its value. */
export type Series = ReadonlyMap<string, number>;

/** Reads a process's metrics. */
export async function readMetrics(base: string): Promise<Series> {
  const text = await (await fetch(`${base}/metrics`)).text();
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );
}

/** The value of the one series of `name` that has all of `labels`; undefined if there is none. */
export function seriesValue(
  series: Series,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const found = [...series].filter(
    ([key]) => key.split('{')[0] === name && wanted.every((part) => key.includes(part)),
  );
  if (found.length > 1) throw new Error(`${name} ${wanted} is ${found.length} series`);
  return found[0]?.[1];
}

/** The sum over all series of `name`. */
export const sumOf = (series: Series, name: string): number =>
  [...series].reduce((sum, [key, value]) => (key.split('{')[0] === name ? sum + value : sum), 0);
