-- Begins a shard's load from nothing, if whoever loads may: a loader that comes late, when the election has been removed,
-- must not bring back what nobody would remove again.
--
-- KEYS[1]  the shard's meta key; the grant to load into it begins as it does, up to "meta"
-- ARGV[1]  the loader's grant, or empty if it needs none
-- ARGV[2…] field and value, one after the other; none to ask only
if ARGV[1] ~= '' and redis.call('HGET', string.sub(KEYS[1], 1, -5) .. 'grant', 'owner') ~= ARGV[1] then
  return redis.error_reply('NOTLOADING this load is not granted: the election was removed, or another load has its place')
end
for at = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
end
return 1
