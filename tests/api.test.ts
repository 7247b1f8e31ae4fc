import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LoadedSystem } from '../load-tests/run/own-system.ts';
import { startOwnSystem } from '../load-tests/run/own-system.ts';
import { run } from '../scripts/cluster/run-program.ts';
import { pythonTool } from '../scripts/python-tools/python-tool.ts';
import { environmentUrls } from './support/environment-urls.ts';
import { SILENT } from './support/silent.ts';

const SCHEMATHESIS = { package: 'schemathesis', version: '4.32.5', program: 'schemathesis' };
/** Seconds that it may spend on each document. More finds more: SCHEMATHESIS_SECONDS. */
const SECONDS = process.env.SCHEMATHESIS_SECONDS ?? '20';

let schemathesis: string;
let system: LoadedSystem;
const folder = mkdtempSync(join(tmpdir(), 'scrutin-api-test-'));

beforeAll(async () => {
  schemathesis = await pythonTool(SCHEMATHESIS, SILENT);
  system = await startOwnSystem(environmentUrls(), { voters: 100, workers: 1, aggregations: 1 });
}, 300_000);

afterAll(async () => {
  await system?.stop();
  rmSync(folder, { recursive: true });
}, 60_000);

describe.each(['ingestion', 'results'] as const)('%s', (stage) => {
  test('does what its OpenAPI document says, whatever is sent', async () => {
    // The same requests every time; a seed of one's own finds others.
    const seed = ['--seed', process.env.SCHEMATHESIS_SEED ?? '1', '--generation-database', 'none'];
    const how = ['--checks', 'all', '--no-color', '--max-time', SECONDS, '--continue-on-failure'];
    // It keeps what it found in the folder where it runs.
    const { code, out } = await run(schemathesis, ['run', `${system[stage]}/openapi.json`, ...how, ...seed], {
      cwd: folder,
    });
    // It shows each failure with the request that repeats it.
    if (code !== 0) throw new Error(out.slice(-12_000));
    expect(out).toMatch(/[1-9]\d* generated, [1-9]\d* passed/);
  }, 180_000);

  test('is well after it, with nothing counted that nobody cast', async () => {
    const health = await fetch(`${system[stage]}/health`);
    expect(health.status).toBe(200);
    const { laws, outcomes } = await system.tally();
    const counted = Object.values(laws).reduce((sum, { oui, non }) => sum + oui + non, 0);
    expect({ counted, aggregated: outcomes.aggregated }).toEqual({ counted: 0, aggregated: 0 });
  });
});
