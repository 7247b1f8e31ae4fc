import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { projectFolder } from '../scripts/servers/state.ts';
import { freePort, StageProcess } from './support/stage-process.ts';

const read = (path: string) => readFileSync(join(projectFolder, path), 'utf8');

describe('the npm packages', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { integrity?: string; link?: true; resolved?: string; hasInstallScript?: true }>;
  };
  const installed = Object.entries(packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && !link,
  );

  test('are each pinned by a SHA-512 of their archive, and none comes from elsewhere than the registry', () => {
    expect(installed.length).toBeGreaterThan(300);
    const loose = installed.filter(
      ([, { integrity, resolved }]) => !/^sha512-/.test(integrity ?? '') || resolved,
    );
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  test('run no script at installation but those that were looked at', () => {
    const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> };
    const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript);
    const names = scripted.map(([path]) =>
      path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    );
    expect(names.filter((name) => !(name in allowScripts))).toEqual([]);
  });
});

describe('secrets', () => {
  const SECRETS = {
    'a private key': /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}/,
    'a cloud access key': /\bAKIA[0-9A-Z]{16}\b/,
    'a token of a code host': /\b(?:ghp|gho|ghs|github_pat|glpat)_[0-9A-Za-z_]{20,}/,
    'a pepper': /VOTER_PEPPER['"]?\s*[=:]\s*['"]?[0-9a-f]{64}\b/,
  };

  test('are in no file that is under version control', () => {
    const files = execFileSync('git', ['ls-files', '-z'], { cwd: projectFolder, encoding: 'utf8' })
      .split('\0')
      .filter(Boolean);
    expect(files.length).toBeGreaterThan(300);
    const found = files.flatMap((file) => {
      let text: string;
      try {
        text = read(file);
      } catch {
        // Deleted, and not committed yet.
        return [];
      }
      return Object.entries(SECRETS).flatMap(([name, form]) =>
        form.test(text) ? [`${file} holds ${name}`] : [],
      );
    });
    expect(found).toEqual([]);
  });

  test('that lie beside the sources are not taken into an image', () => {
    const ignored = read('.dockerignore').split('\n');
    for (const pattern of ['**/.env*', '**/*.pem', '**/*.key', '**/*.log'])
      expect(ignored).toContain(pattern);
  });

  test('are in no line that a process writes, also when no server lets it in', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'scrutin-secrets-'));
    const secret = {
      pepper: 'c0ffee11'.repeat(8),
      redis: 'redis-s3cret',
      rabbitmq: 'rabbit-s3cret',
      pg: 'pg-s3cret',
    };
    const nobody = await freePort();
    const at = (scheme: string, password: string) => `${scheme}://scrutin:${password}@127.0.0.1:${nobody}`;
    const env = {
      ELECTION_ID: 'demo',
      VOTER_PEPPER: secret.pepper,
      REDIS_URL: at('redis', secret.redis),
      RABBITMQ_URL: at('amqp', secret.rabbitmq),
      RABBITMQ_MANAGEMENT_URL: at('http', secret.rabbitmq),
      DATABASE_URL: `${at('postgres', secret.pg)}/scrutin_demo`,
      ELECTION_FILE: join(projectFolder, 'k8s/samples/election-demo.yaml'),
      VOLUMES: folder,
      LOG_LEVEL: 'trace',
    };
    const names = ['ingestion', 'validation', 'aggregation', 'results', 'operator'];
    const stages = await Promise.all(
      names.map(async (name) => {
        const main = name === 'operator' ? 'operator/src/local.ts' : `services/${name}/src/main.ts`;
        return new StageProcess({
          name,
          main,
          port: await freePort(),
          env,
          logFile: join(folder, `${name}.log`),
        });
      }),
    );
    try {
      for (const stage of stages) stage.start();
      const logOf = (name: string) => {
        try {
          return readFileSync(join(folder, `${name}.log`), 'utf8');
        } catch {
          return '';
        }
      };
      // Each has said that a server refused it: what an error repeats of an address is what this is about.
      const deadline = Date.now() + 60_000;
      for (const name of names)
        while (!/ECONNREFUSED|refused/.test(logOf(name))) {
          if (Date.now() > deadline)
            throw new Error(`${name} has not said that it was refused:\n${logOf(name)}`);
          await new Promise((later) => setTimeout(later, 100));
        }
      const written = names.map(logOf).join('\n');
      for (const value of Object.values(secret)) expect(written).not.toContain(value);
    } finally {
      await Promise.all(stages.map((stage) => stage.stop('SIGKILL')));
      rmSync(folder, { recursive: true });
    }
  }, 90_000);
});
