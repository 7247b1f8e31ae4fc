import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisConnection } from './redis.ts';

/**
 * A Lua script, in a file or several. Redis keeps scripts by their SHA-1 and forgets them when it restarts
 * or fails over, so each call is by digest, and the text is sent only when Redis asks for it.
 */
export class RedisScript {
  readonly #text: string;
  readonly #sha1: string;

  /** @param files addresses of `.lua` files, as `new URL('./decide.lua', import.meta.url)`: one script, in this order */
  constructor(...files: URL[]) {
    this.#text = files.map((file) => readFileSync(file, 'utf8')).join('');
    this.#sha1 = createHash('sha1').update(this.#text).digest('hex');
  }

  /**
   * Runs the script on the node that holds `key`, its KEYS[1]. The reply's strings are decoded as UTF-8.
   * Rejects with ioredis' errors; what the script replied as an error has the name `ReplyError`.
   */
  async run(
    redis: RedisConnection,
    key: string,
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha1, 1, key, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(this.#text, 1, key, ...args);
    }
  }
}
