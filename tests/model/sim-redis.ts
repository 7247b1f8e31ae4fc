import { createHash } from 'node:crypto';
import { LuaMachine, type LuaReply } from './lua-machine.ts';
import type { Incarnation, Link, World } from './world.ts';

const machine = new LuaMachine();

type Hash = Map<string, string>;

/** Redis' data: hashes of bytes (latin1), and how to take the last commands back. */
export class RedisStore {
  readonly #hashes = new Map<string, Hash>();
  /** How to undo each command that changed something, the last one last. */
  readonly #journal: (() => void)[] = [];
  /** Changed before a script runs, to see that a breakage in it is found. */
  readonly editScript: (script: string) => string;

  constructor(editScript: (script: string) => string = (script) => script) {
    this.editScript = editScript;
  }

  /** Runs a script, all or nothing. Throws what the script replies as an error. */
  script(script: string, key: string, args: readonly string[]): string | number {
    return this.#together(() =>
      machine.run(this.editScript(script), [key], args, (command, rest) => this.#command(command, rest)),
    );
  }

  command(command: string, args: string[]): LuaReply {
    return this.#together(() => this.#command(command, args));
  }

  /** The same data, with nothing to take back. */
  copy(editScript = this.editScript): RedisStore {
    const copy = new RedisStore(editScript);
    for (const [key, hash] of this.#hashes) copy.#hashes.set(key, new Map(hash));
    return copy;
  }

  /** All that is stored, for a comparison. */
  dump(): Record<string, Record<string, string>> {
    return Object.fromEntries([...this.#hashes].map(([key, hash]) => [key, Object.fromEntries(hash)]));
  }

  /** Commands that have changed something. */
  get commands(): number {
    return this.#journal.length;
  }

  /** Loses the last commands, as a crash does that has not written them to its disk. */
  forget(commands: number): void {
    for (let i = 0; i < commands; i++) this.#journal.pop()?.();
  }

  /** Loses everything, or what one shard had (a node of a Redis Cluster without its replica). */
  wipe(shard?: number): void {
    this.#journal.length = 0;
    for (const key of this.#hashes.keys())
      if (shard === undefined || key.includes(`/${shard}}`)) this.#hashes.delete(key);
  }

  #undo: (() => void)[] = [];

  #together<T>(work: () => T): T {
    this.#undo = [];
    const undo = this.#undo;
    try {
      return work();
    } finally {
      if (undo.length > 0) this.#journal.push(() => undo.reverse().forEach((each) => void each()));
    }
  }

  #command(command: string, [key = '', ...rest]: string[]): LuaReply {
    switch (command) {
      case 'HEXISTS':
        return this.#hashes.get(key)?.has(rest[0]!) ? 1 : 0;
      case 'HGET':
        return this.#hashes.get(key)?.get(rest[0]!) ?? null;
      case 'HMGET':
        return rest.map((field) => this.#hashes.get(key)?.get(field) ?? null);
      case 'HGETALL':
        return [...(this.#hashes.get(key) ?? [])].flat();
      case 'HLEN':
        return this.#hashes.get(key)?.size ?? 0;
      case 'HSETNX':
        if (this.#hashes.get(key)?.has(rest[0]!)) return 0;
        return this.#put(key, rest[0]!, rest[1]!);
      case 'HSET': {
        let added = 0;
        for (let i = 0; i < rest.length; i += 2) added += this.#put(key, rest[i]!, rest[i + 1]!);
        return added;
      }
      case 'HDEL':
        return rest.filter((field) => this.#remove(key, field)).length;
      case 'HINCRBY': {
        const sum = Number(this.#hashes.get(key)?.get(rest[0]!) ?? 0) + Number(rest[1]);
        this.#put(key, rest[0]!, String(sum));
        return sum;
      }
      case 'UNLINK':
        return [key, ...rest].filter((each) => this.#unlink(each)).length;
      case 'KEYS':
        return [...this.#hashes.keys()].filter((each) => globMatches(key, each));
      default:
        throw new Error(`the simulated Redis has no ${command}`);
    }
  }

  /** 1 if the field is new. */
  #put(key: string, field: string, value: string): number {
    const hash = this.#hashes.get(key) ?? new Map<string, string>();
    this.#hashes.set(key, hash);
    const before = hash.get(field);
    this.#undo.push(() => {
      if (before !== undefined) this.#hashes.get(key)?.set(field, before);
      else this.#drop(key, field);
    });
    hash.set(field, value);
    return before === undefined ? 1 : 0;
  }

  #remove(key: string, field: string): boolean {
    const before = this.#hashes.get(key)?.get(field);
    if (before === undefined) return false;
    this.#undo.push(() => {
      const hash = this.#hashes.get(key) ?? new Map<string, string>();
      this.#hashes.set(key, hash.set(field, before));
    });
    this.#drop(key, field);
    return true;
  }

  #drop(key: string, field: string): void {
    const hash = this.#hashes.get(key);
    hash?.delete(field);
    if (hash?.size === 0) this.#hashes.delete(key);
  }

  #unlink(key: string): boolean {
    const hash = this.#hashes.get(key);
    if (!hash) return false;
    this.#undo.push(() => void this.#hashes.set(key, hash));
    return this.#hashes.delete(key);
  }
}

/** Redis' pattern with `*` alone. */
const globMatches = (pattern: string, key: string): boolean => {
  const [first = '', ...parts] = pattern.split('*');
  if (!key.startsWith(first)) return false;
  if (parts.length === 0) return key === first;
  let at = first.length;
  for (const part of parts.slice(0, -1)) {
    const found = key.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return key.length - at >= parts.at(-1)!.length && key.endsWith(parts.at(-1)!);
};

/** One Redis; what its connections ask is done in steps of the world. */
export class SimRedis {
  store: RedisStore;
  readonly #world: World;
  readonly #links = new Set<Link>();
  run = 1;

  constructor(world: World, store: RedisStore) {
    this.#world = world;
    this.store = store;
  }

  connect(client: Incarnation): SimRedisConnection {
    return new SimRedisConnection(this, client);
  }

  link(client: Incarnation): Link {
    const link = this.#world.link(client);
    this.#links.add(link);
    link.onServerClosed = () => this.#links.delete(link);
    return link;
  }

  /** SIGKILL and start again, with what `lose` leaves of the data. */
  restart(lose: (store: RedisStore) => void): void {
    for (const link of this.#links) link.serverGone();
    lose(this.store);
    this.run++;
  }
}

/** ioredis as the pipeline uses it: commands fail while the connection is away, and it comes back by itself. */
export class SimRedisConnection {
  readonly status = 'ready';
  readonly #redis: SimRedis;
  readonly #client: Incarnation;
  readonly #scripts = new Map<string, string>();
  readonly #unanswered = new Set<(error: Error) => void>();
  #link: Link;

  constructor(redis: SimRedis, client: Incarnation) {
    this.#redis = redis;
    this.#client = client;
    this.#link = this.#open();
  }

  nodes = () => [this];

  async evalsha(
    sha1: string,
    _keys: number,
    key: string,
    ...args: (string | number | Buffer)[]
  ): Promise<unknown> {
    const script = this.#scripts.get(sha1);
    if (script === undefined) throw new Error('NOSCRIPT No matching script.');
    return this.#script(script, key, args);
  }

  eval(script: string, _keys: number, key: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    this.#scripts.set(createHash('sha1').update(script).digest('hex'), script);
    return this.#script(script, key, args);
  }

  async hgetall(key: string): Promise<Record<string, string>> {
    const flat = (await this.#ask(() => this.#redis.store.command('HGETALL', [key]))) as string[];
    return Object.fromEntries(flat.flatMap((field, i) => (i % 2 === 0 ? [[field, flat[i + 1]!]] : [])));
  }

  hset(key: string, fields: Record<string, string | number>): Promise<unknown> {
    return this.#ask(() =>
      this.#redis.store.command('HSET', [key, ...Object.entries(fields).flat().map(String)]),
    );
  }

  hdel(key: string, field: string): Promise<unknown> {
    return this.#ask(() => this.#redis.store.command('HDEL', [key, field]));
  }

  unlink(...keys: string[]): Promise<unknown> {
    return this.#ask(() => this.#redis.store.command('UNLINK', keys));
  }

  async scan(_cursor: string, _match: string, pattern: string): Promise<[string, string[]]> {
    return ['0', (await this.#ask(() => this.#redis.store.command('KEYS', [pattern]))) as string[]];
  }

  async info(): Promise<string> {
    return `run_id:${await this.#ask(() => this.#redis.run)}`;
  }

  #script(script: string, key: string, args: (string | number | Buffer)[]): Promise<unknown> {
    const bytes = args.map((arg) => (Buffer.isBuffer(arg) ? arg.toString('latin1') : String(arg)));
    return this.#ask(() => this.#redis.store.script(script, key, bytes));
  }

  /** The effect is one step, the answer another: it may be lost between them. */
  #ask<T>(effect: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#unanswered.add(reject);
      const answer = (settle: () => void) =>
        this.#link.reply(() => {
          this.#unanswered.delete(reject);
          settle();
        });
      this.#link.send(() => {
        try {
          const result = effect();
          answer(() => resolve(result));
        } catch (error) {
          answer(() => reject(error as Error));
        }
      });
    });
  }

  #open(): Link {
    const link = this.#redis.link(this.#client);
    link.onClientClosed = () => {
      this.#link = this.#open();
      const error = new Error('Connection is closed.');
      for (const reject of this.#unanswered) reject(error);
      this.#unanswered.clear();
    };
    return link;
  }
}
