-- Begins a shard's load from nothing.
--
-- KEYS[1]  the shard's meta key
-- ARGV[1]  as for granted.lua
-- ARGV[2…] field and value, one after the other; none to ask only
for at = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
end
return 1
