import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testElection } from '../reconcile/testing/election.ts';
import { volumeSource } from './volume-source.ts';

let volumes: string;
beforeAll(() => {
  volumes = mkdtempSync(join(tmpdir(), 'scrutin-volumes-'));
  mkdirSync(join(volumes, 'roll', 'north'), { recursive: true });
  writeFileSync(join(volumes, 'roll', 'north', 'a.txt'), `${'ab'.repeat(32)}\n`);
});
afterAll(() => rmSync(volumes, { recursive: true }));

const claim = (claimName: string, path = '.') =>
  testElection({ electorate: { source: { persistentVolumeClaim: { claimName, path } } } });

describe('a claim on one machine', () => {
  it.each(['north', 'north/a.txt'])('is the folder of that name, and %s in it', async (path) => {
    const names = [];
    for await (const { name, stream } of volumeSource(claim('roll', path), volumes).files()) {
      names.push(name);
      expect(await text(stream)).toBe(`${'ab'.repeat(32)}\n`);
    }
    expect(names).toEqual(['a.txt']);
  });

  it('that is not there says where to put the files', () => {
    expect(() => volumeSource(claim('absent'), volumes)).toThrow(
      expect.objectContaining({
        reason: 'SourceMissing',
        lasting: true,
        message: expect.stringContaining(join(volumes, 'absent')),
      }),
    );
  });

  it('can’t lead out of the folder of volumes', () => {
    expect(() => claim('..')).toThrow(/claimName/);
    expect(() => claim('a/../../b')).toThrow(/claimName/);
  });

  it('is what other sources are told to be replaced by', () => {
    const election = testElection({ electorate: { source: { configMap: { name: 'roll' } } } });
    expect(() => volumeSource(election, volumes)).toThrow(
      expect.objectContaining({
        reason: 'SourceNotServed',
        message: expect.stringMatching(/configMap needs a cluster; on one machine use persistentVolumeClaim/),
      }),
    );
  });
});
