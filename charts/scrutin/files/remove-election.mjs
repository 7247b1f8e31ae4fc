// What `helm uninstall` runs first: deletes the release's Election and waits until the operator has let it go, while its
// servers, its Secrets and the operator's rights are still there. Exit code 1 if that doesn't come about in time.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

const { ELECTION, JOB, NAMESPACE, WAIT_SECONDS, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } =
  process.env;
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const ELECTION_PATH = `/apis/scrutin.dev/v1alpha1/namespaces/${NAMESPACE}/elections/${ELECTION}`;
const JOB_PATH = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs/${JOB}`;
const DEADLINE = Date.now() + Number(WAIT_SECONDS) * 1000;

/** The API server's answer, with its JSON; rejects if there is none. */
function ask(method, path) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const asked = request(
    {
      method,
      host: KUBERNETES_SERVICE_HOST,
      port: KUBERNETES_SERVICE_PORT,
      path,
      ca: readFileSync(`${ACCOUNT}/ca.crt`),
      headers: { authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8')}` },
      timeout: 5_000,
    },
    async (response) => {
      const chunks = await response.toArray();
      resolve({ status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) });
    },
  );
  asked.on('timeout', () => asked.destroy(new Error('no answer')));
  asked.on('error', reject);
  asked.end();
  return promise;
}

/** Tries until `attempt` returns something; undefined once the time is up, with what it found last told. */
async function until(attempt) {
  let found;
  while (Date.now() < DEADLINE) {
    try {
      const result = await attempt((what) => {
        found = what;
      });
      if (result !== undefined) return result;
    } catch (error) {
      found = `the API server: ${error.message}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  console.error(`Election ${ELECTION} is still there after ${WAIT_SECONDS} s: ${found}`);
  console.error(`kubectl describe election -n ${NAMESPACE} ${ELECTION} tells more. Is the operator running?`);
  console.error('helm uninstall --no-hooks goes on all the same, and leaves the Election and its data');
  process.exit(1);
}

// Whoever applies what `helm template` prints applies this Job too, and doesn't mean to remove anything by it.
const makers = await until(async (tell) => {
  const { status, body } = await ask('GET', JOB_PATH);
  if (status === 200) return body.metadata.managedFields.map(({ manager }) => manager);
  tell(`${status} ${body.message}`);
});
if (!makers.some((maker) => maker.includes('helm'))) {
  console.log(`made by ${makers.join(', ')} and not by helm uninstall: nothing is removed`);
  process.exit(0);
}

const uid = await until(async (tell) => {
  const { status, body } = await ask('DELETE', ELECTION_PATH);
  if (status === 404) return 'absent';
  // The Election if something holds it, else a Status.
  if (status === 200) return body.metadata?.uid ?? body.details?.uid;
  tell(`${status} ${body.message}`);
});
await until(async (tell) => {
  const { status, body } = await ask('GET', ELECTION_PATH);
  // One of that name that has been made since is not this release's.
  if (status === 404 || (status === 200 && body.metadata.uid !== uid)) return true;
  tell(status === 200 ? 'the operator has not let it go' : `${status} ${body.message}`);
});
console.log(`Election ${ELECTION} is gone`);
