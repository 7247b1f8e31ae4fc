-- Changes what a shard says of itself, and never makes one: what was removed meanwhile stays removed.
--
-- KEYS[1]  the shard's meta key
-- ARGV[1]  the loader's grant, or empty if it needs none, as for begin-shard.lua
-- ARGV[2]  digest of the source that it must be of; empty if any will do, and then one that is absent is passed over
-- ARGV[3…] field and value, one after the other
if ARGV[1] ~= '' and redis.call('HGET', string.sub(KEYS[1], 1, -5) .. 'grant', 'owner') ~= ARGV[1] then
  return redis.error_reply('NOTLOADING this load is not granted: the election was removed, or another load has its place')
end
local meta = redis.call('HMGET', KEYS[1], 'state', 'source')
if ARGV[2] == '' then
  if not meta[1] then
    return 0
  end
elseif not meta[1] or meta[2] ~= ARGV[2] then
  return redis.error_reply('NOTLOADING this shard is not of this source any more: ' .. (meta[1] or 'absent'))
end
for at = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
end
return 1
