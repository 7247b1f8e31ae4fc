import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '@scrutin/shared/retry.ts';
import { parseAllDocuments } from 'yaml';
import { CheckFailed, type Checks, say, succeeded } from './checks.ts';
import { type Installation, installations, nameOf } from './rendered.ts';

export interface OnServer {
  helm: string;
  kubectl: string;
  /** With KUBECONFIG, of an administrator. */
  env: Record<string, string>;
  project: string;
  /** Files with the resources of others. */
  crds: readonly string[];
}

const NAMESPACES = ['scrutin-system', 'demo', 'production'];

/** Checks what the charts make, and `k8s/production`, against an API server that has no nodes. */
export async function checkOnServer(checks: Checks, on: OnServer): Promise<void> {
  const { kubectl, env, project, crds } = on;
  const crd = join(project, 'operator/crd/elections.scrutin.dev.yaml');
  // Server-side: some of them are too large for the annotation that apply otherwise keeps.
  succeeded(
    await say(kubectl, ['apply', '--server-side', ...[crd, ...crds].flatMap((file) => ['-f', file])], {
      env,
    }),
  );
  succeeded(
    await say(kubectl, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'], { env }),
  );
  for (const namespace of NAMESPACES) {
    succeeded(await say(kubectl, ['create', 'namespace', namespace], { env }));
    // A pod is refused, and a Deployment told off, that isn't as the strictest Pod Security wants it.
    const labels = ['enforce', 'warn'].map((what) => `pod-security.kubernetes.io/${what}=restricted`);
    succeeded(await say(kubectl, ['label', 'namespace', namespace, ...labels], { env }));
  }
  for (const installation of installations(project))
    await checks.check(`server: ${nameOf(installation)}`, () => dryRun(on, installation));
  for (const file of globSync('k8s/production/*.yaml', { cwd: project }).sort())
    if (!/values\.yaml$/.test(file))
      await checks.check(`server: ${file}`, async () => {
        await applied(on, 'production', readFileSync(join(project, file), 'utf8'));
      });
  await checkRights(checks, on);
  await checkLife(checks, on);
}

/** Has the server check every object, defaults and admission included, and keep none. */
async function dryRun(on: OnServer, { chart, values, release, namespace }: Installation): Promise<void> {
  const args = ['template', release, join(on.project, 'charts', chart), '--namespace', namespace, ...values];
  await applied(on, undefined, succeeded(await say(on.helm, args, { env: on.env })));
}

async function applied(
  { kubectl, env }: OnServer,
  namespace: string | undefined,
  text: string,
): Promise<void> {
  const documents = parseAllDocuments(text).filter(({ contents }) => contents !== null);
  if (documents.length === 0) return;
  const input = documents.map((document) => document.toString()).join('---\n');
  const apply = ['apply', '--server-side', '--dry-run=server', '--validate=strict'];
  const said = await say(
    kubectl,
    [...apply, '--force-conflicts', ...(namespace ? ['-n', namespace] : []), '-f', '-'],
    {
      env,
      input,
    },
  );
  const out = succeeded(said);
  if (/warning/i.test(said.err)) throw new CheckFailed(said.err);
  const count = out.trim().split('\n').length;
  if (count !== documents.length) throw new CheckFailed(`${documents.length} objects, ${count} answers`);
}

/** What the operator's account may do on the cluster with one election installed, and what it may not. */
const RIGHTS: readonly (readonly [allowed: boolean, namespace: string, ...ask: string[]])[] = [
  [true, 'production', 'watch', 'elections.scrutin.dev'],
  [true, 'production', 'patch', 'elections.scrutin.dev', '--subresource=status'],
  [true, 'production', 'create', 'events'],
  [true, 'demo', 'get', 'secrets/scrutin-connections'],
  [true, 'demo', 'get', 'secrets/scrutin-pepper'],
  [true, 'demo', 'create', 'jobs.batch'],
  [true, 'demo', 'delete', 'jobs.batch'],
  [true, 'demo', 'list', 'pods'],
  [true, 'scrutin-system', 'create', 'leases.coordination.k8s.io'],
  [true, 'scrutin-system', 'update', 'leases.coordination.k8s.io/scrutin-operator'],
  [false, 'scrutin-system', 'update', 'leases.coordination.k8s.io/another'],
  [false, 'demo', 'get', 'secrets/demo-servers'],
  [false, 'demo', 'list', 'secrets'],
  [false, 'production', 'get', 'secrets/scrutin-connections'],
  [false, 'production', 'create', 'jobs.batch'],
  [false, 'demo', 'create', 'pods'],
  [false, 'demo', 'delete', 'elections.scrutin.dev'],
];

/** The server goes by what it has heard of Roles, which on a busy machine is a moment old: what is granted is asked for again. */
const RIGHTS_LIMIT_MS = 20_000;

/** Installs both charts and asks the server, which goes by their Roles. */
async function checkRights(checks: Checks, { helm, kubectl, env, project }: OnServer): Promise<void> {
  const release = async (verb: string, name: string, namespace: string, ...rest: string[]) =>
    succeeded(await say(helm, [verb, name, ...rest, '-n', namespace], { env }));
  const operator = ['scrutin-operator', 'scrutin-system'] as const;
  await release(
    'install',
    ...operator,
    join(project, 'charts/scrutin-operator'),
    '--set',
    'crd.install=false',
  );
  await release('install', 'demo', 'demo', join(project, 'charts/scrutin'));
  for (const [allowed, namespace, ...ask] of RIGHTS)
    await checks.check(
      `rights: the operator may${allowed ? '' : ' not'} ${ask.join(' ')} in ${namespace}`,
      async () => {
        const as = '--as=system:serviceaccount:scrutin-system:scrutin-operator';
        const deadline = Date.now() + RIGHTS_LIMIT_MS;
        for (;;) {
          const { out, err } = await say(kubectl, ['auth', 'can-i', ...ask, '-n', namespace, as], { env });
          if (out.trim() === (allowed ? 'yes' : 'no')) return;
          if (!allowed || Date.now() > deadline) throw new CheckFailed(`it says ${out.trim()} ${err}`);
          await pause(200);
        }
      },
    );
  await release('uninstall', 'demo', 'demo');
  await release('uninstall', ...operator);
}

/** Installs, upgrades, removes and installs again: nothing runs, but what helm does to the objects is real. */
async function checkLife(checks: Checks, on: OnServer): Promise<void> {
  const { helm, kubectl, env, project } = on;
  const chart = join(project, 'charts/scrutin');
  const run = async (...args: string[]) => succeeded(await say(helm, [...args, '-n', 'demo'], { env }));
  const secret = async (name: string) => {
    const { data } = JSON.parse(
      succeeded(await say(kubectl, ['get', 'secret', name, '-n', 'demo', '-o', 'json'], { env })),
    ) as { data: Record<string, string> };
    return JSON.stringify(data);
  };
  const secrets = async () => [await secret('scrutin-pepper'), await secret('demo-servers')].join();
  const pods = async () =>
    succeeded(
      await say(
        kubectl,
        ['get', 'deploy,sts', '-n', 'demo', '-o', 'jsonpath={range .items[*]}{.spec.template}{end}'],
        {
          env,
        },
      ),
    );
  let first = '';
  let firstPods = '';
  await checks.check('life: an election is installed, and its Secrets are made', async () => {
    await run('install', 'demo', chart);
    [first, firstPods] = [await secrets(), await pods()];
    const connections = await secret('scrutin-connections');
    const { redis } = JSON.parse(await secret('demo-servers')) as { redis: string };
    const { REDIS_URL } = JSON.parse(connections) as { REDIS_URL: string };
    const password = Buffer.from(redis, 'base64').toString();
    if (password.length !== 32 || !Buffer.from(REDIS_URL, 'base64').toString().includes(password))
      throw new CheckFailed('the address of Redis does not hold its password');
  });
  await checks.check(
    'life: an upgrade without a change keeps pepper and passwords, and restarts nothing',
    async () => {
      await run('upgrade', 'demo', chart);
      if ((await secrets()) !== first) throw new CheckFailed('a Secret is another one');
      if ((await pods()) !== firstPods) throw new CheckFailed('a pod template is another one');
    },
  );
  await checks.check('life: an upgrade leaves the number of workers to KEDA', async () => {
    const scale = ['scale', 'deploy', 'demo-validation', '-n', 'demo', '--replicas=7'];
    succeeded(await say(kubectl, scale, { env }));
    await run('upgrade', 'demo', chart, '--set', 'settings.LOG_LEVEL=debug');
    const read = ['get', 'deploy', 'demo-validation', '-n', 'demo', '-o', 'jsonpath={.spec.replicas}'];
    const replicas = succeeded(await say(kubectl, read, { env }));
    if (replicas !== '7') throw new CheckFailed(`there are ${replicas} workers, not 7`);
  });
  await checks.check(
    'life: removed and installed again an election has the same pepper and passwords',
    async () => {
      await run('uninstall', 'demo');
      await pause(500);
      await run('install', 'demo', chart);
      if ((await secrets()) !== first) throw new CheckFailed('a Secret is another one');
      await run('uninstall', 'demo');
    },
  );
}
