import type { V1Job, V1Pod } from '@kubernetes/client-node';
import type { Election } from '../../election-resource.ts';
import { StepError } from '../../reconcile/conditions.ts';
import { type Clock, pauseOn, systemClock } from '../clock.ts';
import type { KubeClients } from '../kube-clients.ts';
import { isConflict, isForbidden, isNotFound, messageOf } from '../kube-error.ts';
import { applyOptions, applyParameters } from '../server-side-apply.ts';
import {
  grantOf,
  isLoad,
  jobManifest,
  jobName,
  type LoaderImage,
  type LoadTerms,
  loadsWanted,
  newGrant,
} from './job-manifest.ts';
import { type LoaderResult, parseOutcome } from './loader-outcome.ts';

export interface RunOptions {
  /** SHA-256 that the source must have; the load is refused otherwise. */
  expectedDigest: string | undefined;
  signal?: AbortSignal | undefined;
  /** Lets the Job's pods, and no other load's, write. Resolves with what lets them again, unless others may by now. */
  grant: (owner: string) => Promise<() => Promise<void>>;
}

const LOOK_MS = 1_000;
/** A load whose pod doesn't run after so long waits for a person: its message becomes a condition. */
const PATIENCE_MS = 60_000;

/** The Jobs that load electorates which the operator doesn't read itself. */
export class LoadJobs {
  readonly #clients: KubeClients;
  readonly #image: LoaderImage;
  readonly #clock: Clock;

  constructor(clients: KubeClients, image: LoaderImage, clock: Clock = systemClock) {
    this.#clients = clients;
    this.#image = image;
    this.#clock = clock;
  }

  /** What this source's last Job found; undefined if there is none that has succeeded. */
  async lastResult(election: Election): Promise<LoaderResult | undefined> {
    const job = await this.#read(election);
    return job && isDone(job) === 'Complete' && loadsWanted(job, election) ? this.#result(job) : undefined;
  }

  /**
   * Has a Job load the electorate; takes up one that runs already. Resolves when it has succeeded. When `signal` is
   * aborted it rejects, and the Job goes on. Throws {@link StepError} that says what to do.
   */
  async run(election: Election, { expectedDigest, signal, grant }: RunOptions): Promise<LoaderResult> {
    const before = await this.#read(election);
    const takenUp = before && !isDone(before) && loadsWanted(before, election) ? before : undefined;
    const owner = (takenUp && grantOf(takenUp)) ?? newGrant(election);
    // Before the Job is removed or made: no other load writes from now on, whatever becomes of its pods.
    const grantAgain = await grant(owner);
    if (!takenUp) {
      if (before) await this.#remove(election, before, signal);
      signal?.throwIfAborted();
      await this.#make(election, { grant: owner, expectedDigest });
    }
    let ranAt = this.#clock.monotonic();
    for (;;) {
      await pauseOn(this.#clock, LOOK_MS, signal);
      signal?.throwIfAborted();
      const job = await this.#read(election);
      if (!job)
        throw new StepError('LoadJobGone', 'the Job that loads the electorate was deleted; it is made again');
      const done = isDone(job);
      if (done === 'Complete') return this.#result(job);
      if (done === 'Failed') throw await this.#failure(job);
      signal?.throwIfAborted();
      // Again and again: Redis may have lost it, and with it what was loaded.
      await grantAgain();
      // Between two pods, and between the last one's end and the Job's, nothing runs for a moment.
      if ((job.status?.ready ?? 0) > 0) ranAt = this.#clock.monotonic();
      else if (this.#clock.monotonic() - ranAt > PATIENCE_MS) throw await this.#waiting(job);
    }
  }

  /**
   * Ends the load of another source than the Election names now. `byJob`: what it names is loaded by a Job, too. `revoke`
   * takes away every grant but one. That comes first: a crash between the two leaves a Job that writes nothing, and none of
   * its pods has to be waited for, since of one whose node is cut off nobody can tell.
   */
  async endOther(
    election: Election,
    { byJob, revoke }: { byJob: boolean; revoke: (except: string | undefined) => Promise<void> },
  ): Promise<void> {
    let job: V1Job | undefined;
    try {
      job = await this.#read(election);
    } catch (error) {
      // Where the operator may not look it has made none.
      if (!isForbidden(error)) throw error;
    }
    const wanted = byJob && job !== undefined && loadsWanted(job, election);
    await revoke(wanted ? grantOf(job!) : undefined);
    if (job && isLoad(job) && !wanted) await this.#delete(election, job);
  }

  async #make(election: Election, terms: LoadTerms): Promise<void> {
    const { namespace = 'default' } = election.metadata;
    const name = jobName(election);
    const body = jobManifest(election, this.#image, terms);
    try {
      await this.#clients.batch.patchNamespacedJob(
        { name, namespace, body, ...applyParameters },
        applyOptions(),
      );
    } catch (error) {
      if (isForbidden(error))
        throw new StepError(
          'LoadJobForbidden',
          `the operator may not make Jobs in namespace ${namespace}; grant its service account "patch" and "create" on jobs by a Role there (${messageOf(error)})`,
        );
      throw new StepError(
        'LoadJobRefused',
        `the Job that loads the electorate was refused: ${messageOf(error)}`,
      );
    }
  }

  async #read(election: Election): Promise<V1Job | undefined> {
    const { namespace = 'default' } = election.metadata;
    try {
      return await this.#clients.batch.readNamespacedJob({ name: jobName(election), namespace });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /**
   * Resolves when the Job is gone: its name is the next one's. Its pods may work on, they write nothing without its grant; but
   * those of an operator that gave none would undo what the next ones do.
   */
  async #remove(election: Election, job: V1Job, signal: AbortSignal | undefined): Promise<void> {
    await this.#delete(election, job);
    const begun = this.#clock.monotonic();
    const fenced = grantOf(job) !== undefined;
    while ((await this.#read(election)) || (!fenced && (await this.#pods(job)).some(isAtWork))) {
      await pauseOn(this.#clock, LOOK_MS / 4, signal);
      signal?.throwIfAborted();
      if (this.#clock.monotonic() - begun > PATIENCE_MS)
        throw new StepError(
          'LoadJobWaiting',
          `the last Job ${jobName(election)} is still being deleted; it must be gone first`,
        );
    }
  }

  async #delete(election: Election, { metadata }: V1Job): Promise<void> {
    const { namespace = 'default' } = election.metadata;
    const uid = metadata?.uid;
    try {
      await this.#clients.batch.deleteNamespacedJob({
        name: jobName(election),
        namespace,
        body: {
          propagationPolicy: 'Background',
          // Not one that was made meanwhile.
          ...(uid !== undefined && { preconditions: { uid } }),
        },
      });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  async #pods({ metadata }: V1Job): Promise<V1Pod[]> {
    const { uid, namespace = 'default' } = metadata!;
    const labelSelector = `batch.kubernetes.io/controller-uid=${uid}`;
    const { items } = await this.#clients.core.listNamespacedPod({ namespace, labelSelector });
    const time = ({ metadata }: V1Pod) => metadata?.creationTimestamp?.getTime() ?? 0;
    return items.sort((a, b) => time(b) - time(a));
  }

  async #result(job: V1Job): Promise<LoaderResult> {
    for (const pod of await this.#pods(job)) {
      const outcome = parseOutcome(terminated(pod)?.message);
      if (outcome && 'digest' in outcome) return outcome;
    }
    // The pod is gone and with it what it found out: what it loaded is in Redis and says the rest.
    throw new StepError('LoadResultLost', 'the pod that loaded the electorate is gone; it is loaded again');
  }

  async #failure(job: V1Job): Promise<StepError> {
    for (const pod of await this.#pods(job)) {
      const outcome = parseOutcome(terminated(pod)?.message);
      if (outcome && 'reason' in outcome)
        return new StepError(outcome.reason, outcome.message, { lasting: outcome.lasting });
    }
    const why = job.status?.conditions?.find(({ type }) => type === 'Failed')?.message ?? 'it failed';
    const name = job.metadata?.name;
    return new StepError(
      'LoadJobFailed',
      `Job ${name} could not load the electorate: ${why}; see kubectl logs job/${name}`,
    );
  }

  async #waiting(job: V1Job): Promise<StepError> {
    const [pod] = await this.#pods(job);
    const waiting = pod?.status?.containerStatuses?.[0]?.state?.waiting;
    const unscheduled = pod?.status?.conditions?.find(
      ({ type, status }) => type === 'PodScheduled' && status === 'False',
    );
    const why = waiting?.message ?? waiting?.reason ?? unscheduled?.message ?? 'no pod of it runs yet';
    return new StepError(
      'LoadJobWaiting',
      `Job ${job.metadata?.name}, which loads the electorate, waits: ${why}`,
    );
  }
}

function isDone({ status }: V1Job): 'Complete' | 'Failed' | undefined {
  const found = status?.conditions?.find(
    (condition) =>
      condition.status === 'True' && (condition.type === 'Complete' || condition.type === 'Failed'),
  );
  return found?.type as 'Complete' | 'Failed' | undefined;
}

const terminated = ({ status }: V1Pod) => status?.containerStatuses?.[0]?.state?.terminated;

const isAtWork = ({ status }: V1Pod): boolean => status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
