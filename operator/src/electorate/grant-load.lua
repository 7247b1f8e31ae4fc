-- Lets a loader write to this shard, for a while; a grant that was given before ends, and with it the load of whoever had it.
--
-- KEYS[1]  the shard's meta key; the grant begins as it does, up to "meta"
-- ARGV[1]  who may load
-- ARGV[2]  for how many milliseconds
-- ARGV[3]  1 to give it again only if Redis has lost it or it still stands: not if another has it by now
local grant = string.sub(KEYS[1], 1, -5) .. 'grant'
if ARGV[3] == '1' and (redis.call('HGET', grant, 'owner') or ARGV[1]) ~= ARGV[1] then
  return 0
end
redis.call('HSET', grant, 'owner', ARGV[1])
return redis.call('PEXPIRE', grant, ARGV[2])
