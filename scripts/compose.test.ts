import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { Settings } from '@scrutin/shared/config.ts';
import { parse } from 'yaml';
import { settingsTables } from './env-example.ts';
import { TARGETS } from './images/targets.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

interface Service {
  image?: string;
  build?: { target: string };
  command?: string[];
  user?: string;
  environment?: Record<string, string>;
  secrets?: (string | { source: string })[];
  volumes?: string[];
  depends_on?: Record<string, unknown>;
  healthcheck?: { test: string[] };
  restart?: string;
  read_only?: boolean;
  cap_drop?: string[];
  networks?: string[];
}
interface Compose {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
  volumes: Record<string, unknown>;
}

const text = (file: string) => readFileSync(join(PROJECT, file), 'utf8');
const read = (file: string) => parse(text(file), { merge: true }) as Compose;
const compose = read('compose.yaml');
const dev = read('compose.dev.yaml');
const services = Object.entries(compose.services);
const stages = Object.keys(TARGETS) as (keyof typeof TARGETS)[];
const everywhere = [...services, ...Object.entries(dev.services)];

/** The value that a person gets who sets nothing: `${NAME:-value}` → `value`. */
const unset = (value: string) => value.replace(/\$\{\w+(?::-([^}]*))?\}/g, '$1');

async function settingsOf(stage: string): Promise<Settings> {
  const process = stage === 'operator' ? 'operator (local)' : stage;
  return (await settingsTables()).find((table) => table.process === process)!.settings;
}

test('every stage runs from its own target, as a program that the image holds', () => {
  for (const stage of stages) {
    const { build, image, command } = compose.services[stage]!;
    expect(build!.target).toBe(stage);
    expect(unset(image!)).toMatch(new RegExp(`/${stage}:`));
    const programs: readonly string[] = TARGETS[stage].programs;
    if (command) expect(programs).toContain(command.at(-1));
    expect(programs).toContain(dev.services[stage]!.command!.at(-1));
  }
});

test.each(stages)(
  'every setting of %s is one that its code reads, with a value that it takes',
  async (stage) => {
    const settings = await settingsOf(stage);
    const given = { ...compose.services[stage]!.environment, ...dev.services[stage]!.environment };
    const problems = Object.entries(given).flatMap(([name, value]) => {
      if (name === 'NODE_ENV') return [];
      const setting = Object.hasOwn(settings, name) ? name : name.replace(/_FILE$/, '');
      if (!Object.hasOwn(settings, setting)) return [`${name} is read by nobody`];
      if (setting !== name) return [];
      // An empty variable counts as not set.
      return settings[setting]!.safeParse(unset(value) || undefined).success ? [] : [`${name}: ${value}`];
    });
    expect(problems).toEqual([]);
  },
);

test.each(stages)('%s gets every address and secret that it has no use without', async (stage) => {
  const needed = ['RABBITMQ_URL', 'REDIS_URL', 'DATABASE_URL', 'VOTER_PEPPER', 'RABBITMQ_MANAGEMENT_URL'];
  const settings = await settingsOf(stage);
  const { environment = {}, secrets = [] } = compose.services[stage]!;
  for (const name of needed.filter((setting) => Object.hasOwn(settings, setting))) {
    const file = environment[`${name}_FILE`];
    expect(`${name} from ${file}`).toMatch(/ from \/run\/secrets\/\w+$/);
    expect(secrets).toContain(file!.split('/').at(-1));
  }
  const used = Object.values(environment).flatMap(
    (value) => /^\/run\/secrets\/(\w+)$/.exec(value)?.[1] ?? [],
  );
  expect([...secrets].sort()).toEqual(used.sort());
});

test('every service comes back, is looked after, can write nowhere but where it must, and has no right of root’s', () => {
  const faults = services.flatMap(([name, service]) =>
    [
      service.restart === 'unless-stopped' || 'restart',
      service.healthcheck !== undefined || 'healthcheck',
      service.read_only === true || 'read_only',
      service.cap_drop?.includes('ALL') || 'cap_drop',
      service.networks?.includes('scrutin') || 'networks',
    ].flatMap((fault) => (fault === true ? [] : [`${name}: ${fault}`])),
  );
  expect(faults).toEqual([]);
});

test('what is waited for, mounted or stored is declared, and what is mounted from the project is there', () => {
  for (const [name, service] of everywhere) {
    for (const other of Object.keys(service.depends_on ?? {})) expect(compose.services).toHaveProperty(other);
    for (const secret of service.secrets ?? []) {
      const source = typeof secret === 'string' ? secret : secret.source;
      expect({ ...compose.secrets, ...dev.secrets }).toHaveProperty(source);
    }
    for (const volume of service.volumes ?? []) {
      const [from] = unset(volume).split(':') as [string];
      if (/^\w/.test(from)) expect(compose.volumes).toHaveProperty(from);
      else if (from.startsWith('./') && !from.startsWith('./.scrutin/'))
        expect(`${name} ${from} ${existsSync(join(PROJECT, from))}`).toMatch(/ true$/);
    }
  }
});

test('no secret stands in a file of the project', () => {
  for (const file of ['compose.yaml', 'compose.dev.yaml', 'monitoring/prometheus/prometheus.yml']) {
    expect(text(file)).not.toMatch(/:\/\/[^/\s]*:[^/\s]*@/);
    expect(text(file)).not.toMatch(/(password|pepper|token)\w*: *["']?(?!\/run\/secrets|\{)\w/i);
  }
});

test('npm run compose-secrets makes every secret that is mounted, and makes none anew', () => {
  const folder = mkdtempSync(join(tmpdir(), 'scrutin-secrets-'));
  const run = (...args: string[]) =>
    execFileSync(
      process.execPath,
      [join(PROJECT, 'scripts/compose-secrets.ts'), '--folder', folder, ...args],
      {
        encoding: 'utf8',
      },
    );
  const contents = () =>
    Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  try {
    run();
    const first = contents();
    const wanted = Object.values({ ...compose.secrets, ...dev.secrets }).map(
      ({ file }) => file.split('/').at(-1)!,
    );
    expect(Object.keys(first)).toEqual(expect.arrayContaining(wanted));
    expect(statSync(folder).mode & 0o077).toBe(0);
    expect(first.pepper).toMatch(/^[0-9a-f]{64}$/);
    expect(run()).toContain('All are there');
    expect(contents()).toEqual(first);
    run('--election', 'other-one');
    const other = contents();
    const changed = Object.keys(other).filter((name) => other[name] !== first[name]);
    expect(changed.sort()).toEqual(['database_url', 'rabbitmq_url']);
    expect(other.database_url).toContain('/scrutin_other_one');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
