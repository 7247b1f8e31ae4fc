import { type LuaState, lauxlib, lua, lualib, to_luastring } from 'fengari';

/** What a Redis command gives to a script: an integer, a string of bytes (latin1), nil, or a list of them. */
export type LuaReply = number | string | null | (string | null)[];

/** A script's error reply, with its text as Redis sends it. */
export class ScriptError extends Error {
  override name = 'ReplyError';
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const text = (value: Uint8Array): string => Buffer.from(value).toString('latin1');

/**
 * Runs the project's Lua scripts as Redis does: KEYS, ARGV, redis.call and redis.error_reply. One machine runs
 * one script at a time. Strings are bytes, held as latin1.
 */
export class LuaMachine {
  readonly #state: LuaState;
  readonly #compiled = new Map<string, number>();
  #call: (command: string, args: string[]) => LuaReply = () => null;

  constructor() {
    const L = lauxlib.luaL_newstate();
    this.#state = L;
    lualib.luaL_openlibs(L);
    lua.lua_createtable(L, 0, 2);
    lua.lua_pushcfunction(L, () => this.#redisCall());
    lua.lua_setfield(L, -2, to_luastring('call'));
    lua.lua_pushcfunction(L, () => {
      lua.lua_createtable(L, 0, 1);
      lua.lua_pushstring(L, lua.lua_tostring(L, 1));
      lua.lua_setfield(L, -2, to_luastring('err'));
      return 1;
    });
    lua.lua_setfield(L, -2, to_luastring('error_reply'));
    lua.lua_setglobal(L, to_luastring('redis'));
  }

  /** Throws {@link ScriptError} if the script replies an error, or fails. */
  run(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    call: (command: string, args: string[]) => LuaReply,
  ): string | number {
    const L = this.#state;
    this.#call = call;
    this.#setList('KEYS', keys);
    this.#setList('ARGV', args);
    lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, this.#compile(script));
    const status = lua.lua_pcall(L, 0, 1, 0);
    try {
      if (status !== lua.LUA_OK) throw new ScriptError(lua.lua_tojsstring(L, -1));
      return this.#reply();
    } finally {
      lua.lua_settop(L, 0);
    }
  }

  #compile(script: string): number {
    let reference = this.#compiled.get(script);
    if (reference === undefined) {
      if (lauxlib.luaL_loadstring(this.#state, to_luastring(script)) !== lua.LUA_OK)
        throw new ScriptError(lua.lua_tojsstring(this.#state, -1));
      reference = lauxlib.luaL_ref(this.#state, lua.LUA_REGISTRYINDEX);
      this.#compiled.set(script, reference);
    }
    return reference;
  }

  #setList(name: string, items: readonly string[]): void {
    const L = this.#state;
    lua.lua_createtable(L, items.length, 0);
    items.forEach((item, i) => {
      lua.lua_pushstring(L, bytes(item));
      lua.lua_rawseti(L, -2, i + 1);
    });
    lua.lua_setglobal(L, to_luastring(name));
  }

  #redisCall(): number {
    const L = this.#state;
    const args: string[] = [];
    for (let i = 1; i <= lua.lua_gettop(L); i++) args.push(text(lua.lua_tostring(L, i)));
    const reply = this.#call(args[0]!.toUpperCase(), args.slice(1));
    if (Array.isArray(reply)) {
      lua.lua_createtable(L, reply.length, 0);
      reply.forEach((item, i) => {
        this.#push(item);
        lua.lua_rawseti(L, -2, i + 1);
      });
    } else this.#push(reply);
    return 1;
  }

  /** Redis gives a script `false` for nil. */
  #push(value: number | string | null): void {
    if (value === null) lua.lua_pushboolean(this.#state, false);
    else if (typeof value === 'number') lua.lua_pushinteger(this.#state, value);
    else lua.lua_pushstring(this.#state, bytes(value));
  }

  #reply(): string | number {
    const L = this.#state;
    switch (lua.lua_type(L, -1)) {
      case lua.LUA_TNUMBER:
        return lua.lua_tonumber(L, -1);
      case lua.LUA_TSTRING:
        return text(lua.lua_tostring(L, -1));
      default:
        lua.lua_getfield(L, -1, to_luastring('err'));
        throw new ScriptError(lua.lua_tojsstring(L, -1));
    }
  }
}
