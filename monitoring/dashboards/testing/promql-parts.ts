/** A vector selector of a query: a metric's name and the names of the labels that it is narrowed by. */
export interface Selector {
  metric: string;
  labels: string[];
  /** The selector as it stands in the query. */
  text: string;
}

/** Words of PromQL that are no metric where they stand without a parenthesis or braces. */
const WORDS = new Set([
  'and',
  'bool',
  'by',
  'group_left',
  'group_right',
  'ignoring',
  'inf',
  'nan',
  'offset',
  'on',
  'or',
  'unless',
  'without',
]);

/**
 * The vector selectors of a PromQL query. It reads what the dashboards use: no metric is named by `__name__`, and
 * no label is called like a metric of the same query.
 */
export function selectorsOf(expr: string): Selector[] {
  // A clause of labels, such as `by (queue)`, holds no metric.
  const clauses = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
  const text = expr.replace(clauses, (clause) => ' '.repeat(clause.length));
  const token =
    /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d[\w.]*|(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?<matchers>\s*\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\})?(?<call>\s*\()?/g;
  const found: Selector[] = [];
  for (const { 0: whole, groups } of text.matchAll(token)) {
    const { name, matchers, call } = groups as { name?: string; matchers?: string; call?: string };
    if (name === undefined || call !== undefined || WORDS.has(name.toLowerCase())) continue;
    const labels = [...(matchers ?? '').matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)\s*"/g)];
    found.push({ metric: name, labels: labels.map(([, label]) => label!), text: whole });
  }
  return found;
}
