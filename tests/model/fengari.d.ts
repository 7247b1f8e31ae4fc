/** The part of fengari (a Lua machine in JavaScript, with the C API's names) that is used here. */
declare module 'fengari' {
  export interface LuaState {
    readonly luaState: unique symbol;
  }
  type LuaString = Uint8Array;
  export const lua: {
    LUA_OK: number;
    LUA_REGISTRYINDEX: number;
    LUA_TNUMBER: number;
    LUA_TSTRING: number;
    LUA_TTABLE: number;
    lua_createtable(L: LuaState, items: number, fields: number): void;
    lua_gettop(L: LuaState): number;
    lua_getfield(L: LuaState, index: number, name: LuaString): number;
    lua_pcall(L: LuaState, args: number, results: number, handler: number): number;
    lua_pop(L: LuaState, count: number): void;
    lua_pushboolean(L: LuaState, value: boolean): void;
    lua_pushcfunction(L: LuaState, work: (L: LuaState) => number): void;
    lua_pushinteger(L: LuaState, value: number): void;
    lua_pushstring(L: LuaState, value: LuaString): void;
    lua_rawgeti(L: LuaState, index: number, position: number): number;
    lua_rawseti(L: LuaState, index: number, position: number): void;
    lua_setfield(L: LuaState, index: number, name: LuaString): void;
    lua_setglobal(L: LuaState, name: LuaString): void;
    lua_settop(L: LuaState, top: number): void;
    lua_tonumber(L: LuaState, index: number): number;
    lua_tostring(L: LuaState, index: number): LuaString;
    lua_type(L: LuaState, index: number): number;
    lua_tojsstring(L: LuaState, index: number): string;
  };
  export const lauxlib: {
    luaL_newstate(): LuaState;
    luaL_loadstring(L: LuaState, text: LuaString): number;
    luaL_ref(L: LuaState, index: number): number;
    luaL_tolstring(L: LuaState, index: number): LuaString;
  };
  export const lualib: { luaL_openlibs(L: LuaState): void };
  export const to_luastring: (text: string) => LuaString;
}
