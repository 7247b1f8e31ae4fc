import { fileURLToPath } from 'node:url';
import type { Telling } from '../servers/servers.ts';
import { must, run } from './run-program.ts';

const PODS = fileURLToPath(new URL('./check-pods.yaml', import.meta.url));
const POLICY = fileURLToPath(new URL('./check-policy.yaml', import.meta.url));
const KEDA = fileURLToPath(new URL('./check-keda.yaml', import.meta.url));
const NAMESPACE = 'scrutin-check';

/**
 * Shows that a cluster does what the project needs of it; rejects with what doesn't hold. Leaves nothing behind.
 */
export async function check(kubectl: { program: string; args: string[] }, tell: Telling): Promise<void> {
  const ask = (...args: string[]) => must(kubectl.program, [...kubectl.args, '-n', NAMESPACE, ...args]);
  const from = (pod: string, ...command: string[]) =>
    run(kubectl.program, [...kubectl.args, '-n', NAMESPACE, 'exec', pod, '--', '/probe', ...command]);
  try {
    await tell.step('Pods', async () => {
      await ask('apply', '-f', PODS);
      await ask('wait', 'pod', '--all', '--for=condition=Ready', '--timeout=60s');
    });
    await tell.step('Names and Services, asked with exec', async (detail) => {
      // A new Service is known a moment later; a name that wasn't there yet is remembered as missing for 30 s.
      await until(40_000, async () => (await from('friend', 'get', 'http://server:8080/')).code === 0);
      const { code, out, err } = await from('friend', 'get', 'http://server:8080/');
      if (code !== 0 || !out.includes('server'))
        throw new Error(`the Service doesn’t answer by its name: ${err}`);
      const outside = await from('friend', 'lookup', 'kubernetes.default.svc.cluster.local');
      detail(`${out.trim()}; kubernetes.default is ${outside.out.trim()}`);
    });
    await tell.step('Logs', async (detail) => {
      const logs = await ask('logs', 'server');
      if (!logs.includes('serving')) throw new Error('the pod’s log is empty');
      detail(logs.trim());
    });
    await tell.step('NetworkPolicy', async (detail) => {
      await ask('apply', '-f', POLICY);
      const address = await ask('get', 'pod', 'server', '-o', 'jsonpath={.status.podIP}');
      const urls = ['http://server:8080/', `http://${address}:8080/`];
      await until(20_000, async () => (await from('stranger', 'get', urls[0]!)).code !== 0);
      for (const url of urls) {
        if ((await from('stranger', 'get', url)).code === 0)
          throw new Error(`a stranger gets through to ${url}`);
        const { code, err } = await from('friend', 'get', url);
        if (code !== 0) throw new Error(`who is allowed to doesn’t get through to ${url}: ${err}`);
      }
      detail('a stranger is refused by Service and by pod address, a friend gets through');
    });
    const keda = await run(kubectl.program, [...kubectl.args, 'get', 'crd', 'scaledobjects.keda.sh']);
    if (keda.code !== 0) return tell.note('  KEDA is not installed: nothing follows a load.');
    await tell.step('KEDA', async (detail) => {
      await ask('apply', '-f', KEDA);
      await ask('wait', 'scaledobject/worker', '--for=condition=Ready', '--timeout=60s');
      await ask('scale', 'deployment/load', '--replicas=4');
      const since = Date.now();
      await ask('wait', 'deployment/worker', '--for=jsonpath={.status.readyReplicas}=4', '--timeout=90s');
      detail(`from 1 worker to 4 within ${Math.round((Date.now() - since) / 1000)} s of the load`);
    });
  } finally {
    await run(kubectl.program, [
      ...kubectl.args,
      'delete',
      'namespace',
      NAMESPACE,
      '--ignore-not-found',
      '--timeout=60s',
    ]);
  }
}

async function until(ms: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds()) && Date.now() < deadline) await new Promise((later) => setTimeout(later, 500));
}
