import type { Rule } from './rule-files.ts';

/** A metric that an expression reads, and the labels by which it chooses series. */
export interface Reading {
  metric: string;
  labels: string[];
}

/** Words of PromQL that stand where a metric's name could. */
const KEYWORDS = new Set(
  'and or unless by without on ignoring group_left group_right offset bool inf nan'.split(' '),
);
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g;
const NAME = /(?<![\w:."])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?(?!\s*\()(?![\w:])/g;
const LABEL = /(\w+)\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"/g;

/** The metrics that an expression reads. A name in front of a bracket is a function; those are left out. */
export function readingsOf(expr: string): Reading[] {
  const text = expr.replaceAll(GROUPING, '').replaceAll(/\[[^\]]*\]/g, '');
  return [...text.matchAll(NAME)]
    .filter(([, name]) => !KEYWORDS.has(name!.toLowerCase()))
    .map(([, metric, matchers = '']) => ({
      metric: metric!,
      labels: [...matchers.matchAll(LABEL)].map((match) => match[1]!),
    }));
}

/** The metrics that an expression reads in the end, through recording rules too. */
export function sourcesOf(expr: string, rules: readonly Rule[]): Set<string> {
  const recorded = new Map(rules.filter(({ record }) => record).map((rule) => [rule.record!, rule.expr]));
  const sources = new Set<string>();
  for (const { metric } of readingsOf(expr)) {
    const through = recorded.get(metric);
    if (through === undefined) sources.add(metric);
    else for (const source of sourcesOf(through, rules)) sources.add(source);
  }
  return sources;
}
