-- Lets a loader begin a load of this shard, for a while; a grant that was given before ends.
--
-- KEYS[1]  the shard's meta key; the grant begins as it does, up to "meta"
-- ARGV[1]  who may load
-- ARGV[2]  for how many milliseconds
local grant = string.sub(KEYS[1], 1, -5) .. 'grant'
redis.call('HSET', grant, 'owner', ARGV[1])
return redis.call('PEXPIRE', grant, ARGV[2])
