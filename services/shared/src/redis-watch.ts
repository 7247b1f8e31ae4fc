import type { RedisConnection } from './redis.ts';
import type { ObserveCall } from './server-metrics.ts';

/** Measures calls of Redis, and knows from them whether it can be used. */
export class RedisWatch {
  readonly #redis: RedisConnection;
  readonly #observe: ObserveCall;
  #answered = false;

  constructor(redis: RedisConnection, observe: ObserveCall) {
    this.#redis = redis;
    this.#observe = observe;
  }

  /** Connected, and the last call that was watched had an answer: a Redis that is frozen stays connected. */
  get up(): boolean {
    return this.#answered && this.#redis.status === 'ready';
  }

  /** Runs `call` and tells of it. An error that Redis itself gave is an answer, and a failed call all the same. */
  async call<T>(name: string, call: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const reply = await call();
      this.#tell(name, start, true, true);
      return reply;
    } catch (error) {
      this.#tell(name, start, false, isReply(error));
      throw error;
    }
  }

  #tell(name: string, start: number, ok: boolean, answered: boolean): void {
    this.#answered = answered;
    this.#observe(name, (performance.now() - start) / 1000, ok);
  }
}

const isReply = (error: unknown): boolean => {
  const { name, cause } = error as { name?: unknown; cause?: unknown };
  return name === 'ReplyError' || (cause instanceof Error && isReply(cause));
};
