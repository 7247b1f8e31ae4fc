import { expect, test } from '@jest/globals';
import { selectorsOf } from './promql-parts.ts';

const found = (expr: string) => selectorsOf(expr).map(({ metric, labels }) => [metric, labels]);

test('metrics are found with the labels that narrow them', () => {
  expect(found('up')).toEqual([['up', []]]);
  expect(found('sum(rate(a_total{x="1", y=~"b|{c}", z!="\\""}[5m])) / b{n!~"d"}')).toEqual([
    ['a_total', ['x', 'y', 'z']],
    ['b', ['n']],
  ]);
});

test('functions, operators, durations and the labels of a clause are no metrics', () => {
  expect(found('topk(10, max by (queue, state) (a) > bool 0) or vector(0)')).toEqual([['a', []]]);
  expect(found('a / on (election) group_left (law) b * 1e3 unless deriv(c[$__rate_interval])')).toEqual([
    ['a', []],
    ['b', []],
    ['c', []],
  ]);
  expect(found('histogram_quantile(0.99, sum by (le) (increase(a_bucket[1h30m] offset 5m)))')).toEqual([
    ['a_bucket', []],
  ]);
});

test('what stands in quotes is no metric', () => {
  expect(found('label_replace(a{x="b c"}, "to", "$1", "from", "(d)")')).toEqual([['a', ['x']]]);
});
