import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { chartValues } from './charts/values-file.ts';
import { CHARTS, madeFiles, valuesOf } from './values-schema.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const made = await madeFiles();

describe('what is made for the charts', () => {
  it.each([...made.keys()])('is in %s as scripts/values-schema.ts makes it', (path) => {
    expect(readFileSync(join(PROJECT, path), 'utf8')).toBe(made.get(path));
  });

  it.each(CHARTS)('has every value of %s with a description, in the table too', (chart) => {
    const table = made.get('docs/charts.md');
    const values = valuesOf(chart);
    expect(values.length).toBeGreaterThan(20);
    for (const { path, description } of values) {
      expect([path.join('.'), description]).toEqual([path.join('.'), expect.stringMatching(/^[A-Z].{3,}$/)]);
      expect(table).toContain(`| \`${path.join('.')}\` |`);
    }
  });

  it('takes the settings from the tables that the processes read', () => {
    const schema = JSON.parse(made.get('charts/scrutin/values.schema.json')!) as {
      properties: {
        stages: {
          properties: {
            validation: {
              properties: { settings: { properties: object; additionalProperties: boolean } };
            };
          };
        };
      };
    };
    const { settings } = schema.properties.stages.properties.validation.properties;
    expect(settings.additionalProperties).toBe(false);
    expect(settings.properties).toMatchObject({
      PREFETCH: { type: 'integer', minimum: 1, maximum: 10_000, default: 100 },
    });
    // Those that the chart sets itself, or that are secret, can't be set.
    for (const name of ['PORT', 'ELECTION_ID', 'REDIS_URL', 'RABBITMQ_URL'])
      expect(settings.properties).not.toHaveProperty(name);
  });
});

describe('the values of a chart', () => {
  it('are those with a description; a map without one is gone into', () => {
    const text = '# -- One\na: 1\nb:\n  # -- Two,\n  # over two lines\n  c: {d: 2}\n  # -- Three\n  e: []\n';
    expect(chartValues(text)).toEqual([
      { path: ['a'], description: 'One', initial: 1 },
      { path: ['b', 'c'], description: 'Two, over two lines', initial: { d: 2 } },
      { path: ['b', 'e'], description: 'Three', initial: [] },
    ]);
  });

  it('without a description are refused, by name', () => {
    expect(() => chartValues('a:\n  # -- One\n  b: 1\n  c: 2\n')).toThrow('a.c has no description');
  });
});
