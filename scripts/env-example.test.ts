import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from '@scrutin/shared/config.ts';
import { envExample, settingsTables } from './env-example.ts';

const written = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');

describe('.env.example', () => {
  it('is what scripts/env-example.ts makes of the code', async () => {
    expect(written).toBe(envExample(await settingsTables()));
  });

  it('has every setting of every process, each with a description', async () => {
    const tables = await settingsTables();
    const processes = tables.map(({ process }) => process);
    const stages = ['ingestion', 'validation', 'aggregation', 'results'];
    expect(processes.sort()).toEqual([...stages, 'operator (kubernetes)', 'operator (local)'].sort());
    for (const { settings } of tables)
      for (const [name, schema] of Object.entries(settings)) {
        expect(written).toContain(`\n#${name}=`);
        expect([name, schema.description]).toEqual([name, expect.stringMatching(/^.{10,}$/)]);
      }
  });

  it('gives the defaults: what it says, set, changes nothing', async () => {
    const secrets = { VOTER_PEPPER: 'ab'.repeat(32), ELECTION_FILE: 'election.yaml' };
    const sections = new Map(written.split('\n# == ').map((text) => [text.split('\n')[0]!, text]));
    for (const { process, settings } of await settingsTables()) {
      const text = `${sections.get('All processes, or several')}${sections.get(process)}`;
      const said = Object.fromEntries(
        [...text.matchAll(/^#([A-Z_]+)=(.+)$/gm)]
          .filter(([, name]) => Object.hasOwn(settings, name!))
          .map(([, name, value]) => [name, value]),
      );
      expect(Object.keys(said).length).toBeGreaterThan(7);
      expect(readConfig(settings, { ...secrets, ...said })).toEqual(readConfig(settings, secrets));
    }
  });

  it('tells required settings by their absence', async () => {
    const ingestion = (await settingsTables()).find(({ process }) => process === 'ingestion');
    expect(() => readConfig(ingestion!.settings, {})).toThrow(ConfigError);
    expect(written).toMatch(/required\n#VOTER_PEPPER=\n/);
  });
});
