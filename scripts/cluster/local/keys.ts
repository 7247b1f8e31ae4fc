import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { must } from '../run-program.ts';
import { type ClusterState, NETWORK, USERS, type User } from './state.ts';

interface Certificate {
  name: string;
  subject: string;
  /** The authority that signs it; none: it is one itself. */
  by?: string;
  usage?: 'serverAuth' | 'clientAuth';
  names?: readonly string[];
}

/** Makes every key, certificate, token and kubeconfig of a cluster that it lacks. */
export async function makeKeys(state: ClusterState): Promise<void> {
  if (existsSync(state.path('keys', 'done'))) return;
  mkdirSync(state.path('keys'), { recursive: true, mode: 0o700 });
  const { service, domain } = { service: 'kubernetes.default.svc', domain: NETWORK.domain };
  const dns = ['kubernetes', 'kubernetes.default', service, `${service}.${domain}`, 'localhost'];
  const addresses = [state.nodeAddress, NETWORK.apiService, '127.0.0.1'];
  await certify(state, { name: 'ca', subject: '/CN=scrutin-ca' });
  await certify(state, { name: 'front-proxy-ca', subject: '/CN=scrutin-front-proxy-ca' });
  await certify(state, {
    name: 'apiserver',
    subject: '/CN=kube-apiserver',
    by: 'ca',
    usage: 'serverAuth',
    names: [...dns.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)],
  });
  await certify(state, {
    name: 'kubelet',
    subject: `/CN=${NETWORK.node}`,
    by: 'ca',
    usage: 'serverAuth',
    names: [`DNS:${NETWORK.node}`, `IP:${state.nodeAddress}`],
  });
  const client = { usage: 'clientAuth' as const };
  await certify(state, {
    name: 'apiserver-kubelet-client',
    subject: '/O=system:masters/CN=kube-apiserver-kubelet-client',
    by: 'ca',
    ...client,
  });
  await certify(state, {
    name: 'front-proxy-client',
    subject: '/CN=front-proxy-client',
    by: 'front-proxy-ca',
    ...client,
  });
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  secret(state, 'service-account.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString());
  secret(state, 'service-account.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const users = Object.keys(USERS) as User[];
  const line = (user: User) => `${state.token(user)},${USERS[user].name},${user},"${USERS[user].group}"\n`;
  secret(state, 'tokens.csv', users.map(line).join(''));
  for (const user of users) writeKubeconfig(state, user);
  secret(state, 'done', '');
}

function secret(state: ClusterState, name: string, text: string): void {
  writeFileSync(state.path('keys', name), text, { mode: 0o600 });
}

function writeKubeconfig(state: ClusterState, user: User): void {
  const cluster = { server: state.apiUrl, 'certificate-authority': state.path('keys', 'ca.crt') };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'scrutin', cluster }],
    users: [{ name: user, user: { token: state.token(user) } }],
    contexts: [{ name: 'scrutin', context: { cluster: 'scrutin', user, namespace: 'default' } }],
    'current-context': 'scrutin',
  };
  secret(state, `${user}.kubeconfig`, `${JSON.stringify(config, null, 2)}\n`);
}

async function certify(state: ClusterState, { name, subject, by, usage, names }: Certificate): Promise<void> {
  const file = (end: string) => state.path('keys', end);
  const lines = [
    '[req]',
    'distinguished_name = subject',
    'x509_extensions = extensions',
    '[subject]',
    '[extensions]',
    'subjectKeyIdentifier = hash',
    ...(by
      ? [
          'basicConstraints = critical, CA:false',
          'keyUsage = critical, digitalSignature',
          `extendedKeyUsage = ${usage}`,
        ]
      : [
          'basicConstraints = critical, CA:true',
          'keyUsage = critical, keyCertSign, cRLSign, digitalSignature',
        ]),
    ...(names ? [`subjectAltName = ${names.join(', ')}`] : []),
  ];
  secret(state, `${name}.cnf`, `${lines.join('\n')}\n`);
  await must('openssl', [
    ...[
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-noenc',
      '-days',
      '3650',
    ],
    ...['-config', file(`${name}.cnf`), '-subj', subject],
    ...(by ? ['-CA', file(`${by}.crt`), '-CAkey', file(`${by}.key`)] : []),
    ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)],
  ]);
}
