import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PatchStrategy, setHeaderOptions, type V1Container, type V1Job } from '@kubernetes/client-node';
import { isConflict, isNotFound } from '../../src/kubernetes/kube-error.ts';
import { LASTING_EXIT_CODE } from '../../src/kubernetes/loader/loader-outcome.ts';
import type { Cluster } from './cluster.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const LOOK_MS = 200;
/** Tries of a Job; the real controller has the Job's own limit, with pauses between. */
const MOST_TRIES = 4;

export interface KubeletOptions {
  cluster: Cluster;
  namespace: string;
  /** Claim → folder. */
  volumes: Record<string, string>;
}

/**
 * What the Job controller and a kubelet do, as far as a load needs it: runs a namespace's Jobs as processes of this
 * machine, with the environment and volumes that their pods ask for, and tells the API server how they end.
 */
export class StandInKubelet {
  readonly #options: KubeletOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'scrutin-kubelet-'));
  readonly #jobs = new Map<string, Promise<void>>();
  /** By the Job's uid. */
  readonly #children = new Map<string, ChildProcess>();
  #stopped = false;
  #watching: Promise<void>;
  /** Processes started, over all Jobs. */
  started = 0;
  /** While true no pod starts, as on a cluster without room. */
  full = false;
  /** While true the node is cut off: what runs there goes on when its Job has been deleted. */
  cutOff = false;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#watching = this.#watch();
  }

  /** The processes that run now. */
  get running(): number {
    return this.#children.size;
  }

  /** Kills what runs, as a node does that is out of memory. */
  kill(): void {
    for (const child of this.#children.values()) child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.kill();
    await this.#watching;
    await Promise.all(this.#jobs.values());
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #watch(): Promise<void> {
    const { cluster, namespace } = this.#options;
    while (!this.#stopped) {
      const { items } = await cluster.clients.batch.listNamespacedJob({ namespace });
      const uids = new Set(items.map(({ metadata }) => metadata!.uid));
      for (const [uid, child] of this.#children) if (!uids.has(uid) && !this.cutOff) child.kill('SIGTERM');
      for (const job of items) {
        const uid = job.metadata!.uid!;
        if (!this.full && !this.#jobs.has(uid)) this.#jobs.set(uid, this.#run(job));
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async #run(job: V1Job): Promise<void> {
    const uid = job.metadata!.uid!;
    const startTime = wholeSecond();
    await this.#setStatus(job, { startTime, active: 1, ready: 1 });
    for (let attempt = 1; !this.#stopped; attempt++) {
      const deleted = await this.#isDeleted(job);
      if (deleted) return;
      const { code, message } = await this.#runPod(
        job,
        `${job.metadata!.name}-${attempt}-${uid.slice(0, 5)}`,
      );
      if (this.#stopped) return;
      if (code === 0) return this.#finish(job, startTime, ['SuccessCriteriaMet', 'Complete'], message);
      if (code === LASTING_EXIT_CODE || attempt === MOST_TRIES)
        return this.#finish(job, startTime, ['FailureTarget', 'Failed'], message);
    }
  }

  async #finish(job: V1Job, startTime: Date, types: string[], message: string): Promise<void> {
    const done = types.includes('Complete');
    const conditions = types.map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: wholeSecond(),
      message: message.slice(0, 200),
      reason: 'StandIn',
    }));
    await this.#setStatus(job, {
      startTime,
      active: 0,
      ready: 0,
      ...(done ? { succeeded: 1, completionTime: wholeSecond() } : { failed: 1 }),
      uncountedTerminatedPods: {},
      conditions,
    });
  }

  async #isDeleted({ metadata }: V1Job): Promise<boolean> {
    const { name = '', namespace = '', uid } = metadata!;
    try {
      const job = await this.#options.cluster.clients.batch.readNamespacedJob({ name, namespace });
      return job.metadata?.uid !== uid;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  }

  /** A Job that was deleted meanwhile has no status any more. */
  async #setStatus(job: V1Job, status: object): Promise<void> {
    const { name = '', namespace = '' } = job.metadata!;
    await this.#options.cluster.clients.batch
      .patchNamespacedJobStatus(
        { name, namespace, body: { metadata: { uid: job.metadata!.uid }, status } },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      )
      .catch((error) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
  }

  async #runPod(job: V1Job, name: string): Promise<{ code: number; message: string }> {
    const { core } = this.#options.cluster.clients;
    const { namespace } = this.#options;
    const template = job.spec!.template;
    const labels = { ...template.metadata?.labels, 'batch.kubernetes.io/controller-uid': job.metadata!.uid! };
    await core.createNamespacedPod({ namespace, body: { metadata: { name, labels }, spec: template.spec! } });
    const container = template.spec!.containers[0]!;
    const outcome = join(this.#folder, name);
    const volumes = template.spec!.volumes ?? [];
    const code = await this.#spawn(job.metadata!.uid!, container, volumes, outcome);
    let message = '';
    try {
      message = readFileSync(outcome, 'utf8');
    } catch {
      // Killed before it could say anything.
    }
    const terminated = { exitCode: code, message, reason: code === 0 ? 'Completed' : 'Error' };
    const status = {
      name: container.name,
      image: container.image,
      imageID: '',
      ready: false,
      restartCount: 0,
    };
    await core.patchNamespacedPodStatus(
      {
        name,
        namespace,
        body: {
          status: {
            phase: code === 0 ? 'Succeeded' : 'Failed',
            containerStatuses: [{ ...status, state: { terminated } }],
          },
        },
      },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    return { code, message };
  }

  async #spawn(
    uid: string,
    container: V1Container,
    volumes: { name: string; persistentVolumeClaim?: { claimName: string } }[],
    outcome: string,
  ): Promise<number> {
    const env = await this.#environment(container);
    for (const { name } of container.volumeMounts ?? []) {
      const claim = volumes.find((volume) => volume.name === name)?.persistentVolumeClaim?.claimName;
      if (claim !== undefined) env.VOLUME_FOLDER = this.#options.volumes[claim]!;
    }
    const [, ...args] = container.command!;
    const child = spawn(process.execPath, args, {
      cwd: PROJECT,
      env: {
        PATH: process.env.PATH ?? '',
        TMPDIR: this.#folder,
        LOG_LEVEL: 'warn',
        ...env,
        OUTCOME_FILE: outcome,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.started++;
    this.#children.set(uid, child);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    this.#children.delete(uid);
    return code ?? 137;
  }

  async #environment({ env = [] }: V1Container): Promise<Record<string, string>> {
    const { cluster, namespace } = this.#options;
    const values: Record<string, string> = {};
    for (const { name, value, valueFrom } of env) {
      const reference = valueFrom?.secretKeyRef;
      if (!reference) values[name] = value ?? '';
      else {
        const secret = await cluster.clients.core.readNamespacedSecret({ name: reference.name!, namespace });
        const data = secret.data?.[reference.key];
        if (data !== undefined) values[name] = Buffer.from(data, 'base64').toString('utf8');
        else if (!reference.optional) throw new Error(`Secret ${reference.name} has no ${reference.key}`);
      }
    }
    return values;
  }
}

/** As the API server stores a time: what is sent again must be the same. */
const wholeSecond = (): Date => new Date(Math.floor(Date.now() / 1000) * 1000);
