/** A dependency as `/health` shows it. */
export interface DependencyState {
  status: 'up' | 'down';
  /** What is wrong, in a few words; no address, no password. */
  detail?: string;
  /** How long the check took, milliseconds. */
  latency_ms?: number;
}

export interface HealthReport {
  status: 'healthy' | 'degraded';
  stage: string;
  election_id: string;
  version: string;
  uptime_s: number;
  timestamp: string;
  dependencies: Record<string, DependencyState>;
}

export type DependencyCheck = () => Promise<void> | void;

export interface HealthOptions {
  stage: string;
  electionId: string;
  version: string;
  /** A check rejects, with a message fit for people, if the dependency can't be used now. */
  checks: Record<string, DependencyCheck>;
  /** A check without an answer for so long counts as down. Milliseconds. */
  timeoutMs?: number;
}

/** What a process says of itself: alive, ready, and each dependency's state. */
export class Health {
  #ready = false;
  /** True for good once everything that is depended on was up at the same time. */
  #started = false;
  readonly #options: HealthOptions;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Readiness as the process's own course sees it: started and not stopping. */
  setReady(ready: boolean): void {
    this.#ready = ready;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Whether everything that is depended on was up at the same time, once. */
  get started(): boolean {
    return this.#started;
  }

  /**
   * Whether requests should be sent here: not before every dependency was up once, so that an upgrade doesn't replace
   * a process that works by one that can't connect; and from then on until the process stops, whatever becomes of a
   * dependency. Were all processes unready with it, callers would find nobody to connect to, instead of a 503 that
   * tells them when to come back.
   */
  async isReady(): Promise<boolean> {
    if (this.#ready && !this.#started) await this.report();
    return this.#ready && this.#started;
  }

  /** Asks every dependency, all at once, each within the time limit. Never rejects. */
  async report(): Promise<HealthReport> {
    const { stage, electionId, version, checks } = this.#options;
    const states = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await this.#ask(check)] as const),
    );
    const dependencies = Object.fromEntries(states);
    const allUp = states.every(([, state]) => state.status === 'up');
    const healthy = this.#ready && allUp;
    this.#started ||= allUp;
    return {
      status: healthy ? 'healthy' : 'degraded',
      stage,
      election_id: electionId,
      version,
      uptime_s: Math.round(process.uptime()),
      timestamp: new Date().toISOString(),
      dependencies,
    };
  }

  async #ask(check: DependencyCheck): Promise<DependencyState> {
    const start = performance.now();
    const limit = this.#options.timeoutMs ?? 2_000;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${limit} ms`)), limit);
    });
    try {
      await Promise.race([Promise.resolve().then(check), late]);
      return { status: 'up', latency_ms: Math.round((performance.now() - start) * 10) / 10 };
    } catch (error) {
      return { status: 'down', detail: (error as Error).message };
    } finally {
      clearTimeout(timer);
    }
  }
}
