import { isExecutable } from '../../servers/executable.ts';
import { agreed, install, planPackages } from '../../servers/packages.ts';
import type { Telling } from '../../servers/servers.ts';

/** Program → the distribution's package that holds it (Debian, Ubuntu). */
const PROGRAMS = {
  '/usr/bin/containerd': 'containerd',
  '/usr/sbin/runc': 'runc',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
  '/usr/sbin/nft': 'nftables',
  '/usr/sbin/iptables': 'iptables',
  '/usr/sbin/ipset': 'ipset',
  '/usr/sbin/conntrack': 'conntrack',
  '/usr/bin/openssl': 'openssl',
  '/usr/bin/nsenter': 'util-linux',
  '/bin/ip': 'iproute2',
} as const;

/** Installs what is missing, after asking; throws with what a person can type if that can't be done here. */
export async function hostPrograms(tell: Telling, yes: boolean): Promise<void> {
  const lacking = missing();
  if (lacking.length === 0) return;
  const byHand = `sudo apt-get install ${lacking.join(' ')}`;
  const plan = planPackages(lacking);
  if (!plan) throw new Error(`programs are missing, and nothing here can install them; try: ${byHand}`);
  const list = lacking.join(', ');
  if (!(await agreed(`Install ${list}? No service is started by it.`, yes)))
    throw new Error(`the local cluster needs them; then: ${byHand}`);
  const failure = await tell.step(`Installing ${list}`, () => install(plan));
  if (failure !== undefined || missing().length > 0)
    throw new Error(`the packages could not be installed; try: ${byHand}\n${failure ?? ''}`);
}

const missing = (): string[] =>
  Object.entries(PROGRAMS)
    .filter(([path]) => !isExecutable(path))
    .map(([, name]) => name);
