-- Removes keys of one shard, if whoever loads may: a load that has lost its place must not take away what the next one
-- has put there.
--
-- KEYS[1]  the shard's meta key
-- ARGV[1]  the loader's grant, or empty if it needs none, as for begin-shard.lua
-- ARGV[2…] the keys
if ARGV[1] ~= '' and redis.call('HGET', string.sub(KEYS[1], 1, -5) .. 'grant', 'owner') ~= ARGV[1] then
  return redis.error_reply('NOTLOADING this load is not granted: the election was removed, or another load has its place')
end
for at = 2, #ARGV do
  redis.call('UNLINK', ARGV[at])
end
return #ARGV - 1
