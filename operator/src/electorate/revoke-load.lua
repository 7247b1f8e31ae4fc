-- Takes a loader's grant away: from the reply on it changes nothing in this shard.
--
-- KEYS[1]  the shard's meta key; the grant begins as it does, up to "meta"
-- ARGV[1]  who may go on loading; empty if nobody may
local grant = string.sub(KEYS[1], 1, -5) .. 'grant'
if redis.call('HGET', grant, 'owner') == ARGV[1] then
  return 0
end
return redis.call('DEL', grant)
