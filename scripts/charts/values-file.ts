import { isMap, isPair, isScalar, parseDocument, type YAMLMap } from 'yaml';

/** A value that a person may set. */
export interface ChartValue {
  /** `['stages', 'ingestion', 'replicas']`. */
  path: readonly string[];
  /** What stands above it in values.yaml, after `# --`. */
  description: string;
  initial: unknown;
}

/**
 * The values of a chart's values.yaml, in its order. One with a description (`# -- …` above it) is a value, also where
 * it is a map; a map without one is gone into. Throws if a value has no description.
 */
export function chartValues(text: string): ChartValue[] {
  const document = parseDocument(text);
  if (!isMap(document.contents)) throw new Error('values.yaml must hold a map');
  return [...valuesIn(document.contents, [], document.commentBefore ?? undefined)];
}

function* valuesIn(
  map: YAMLMap,
  path: readonly string[],
  firstComment: string | undefined,
): Generator<ChartValue> {
  for (const [index, pair] of map.items.entries()) {
    if (!isPair(pair) || !isScalar(pair.key)) throw new Error(`${path.join('.')}: a key must be a word`);
    const { key, value } = pair;
    const here = [...path, String(key.value)];
    // The comment above a map's first entry belongs to the map itself, where yaml has read it.
    const comment = key.commentBefore ?? (index === 0 ? firstComment : undefined);
    const description = described(comment);
    const inner = isMap(value) ? value : undefined;
    if (description !== undefined)
      yield {
        path: here,
        description,
        initial: inner ? inner.toJSON() : (pair.toJSON() as Record<string, unknown>)[String(key.value)],
      };
    else if (inner && inner.items.length > 0) yield* valuesIn(inner, here, inner.commentBefore ?? undefined);
    else throw new Error(`${here.join('.')} has no description ("# -- …" above it)`);
  }
}

/** The text after `# --`, over as many lines as it has; what stands above an empty line is about something else. */
function described(comment: string | undefined): string | undefined {
  const last = comment?.split(/\n\s*\n/).at(-1);
  const text = last?.split('\n').map((line) => line.trim());
  if (!text?.[0]?.startsWith('-- ')) return undefined;
  return [text[0].slice(3), ...text.slice(1)].join(' ');
}
