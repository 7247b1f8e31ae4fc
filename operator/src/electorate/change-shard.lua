-- Changes what a shard says of itself, and never makes one: what was removed meanwhile stays removed.
--
-- KEYS[1]  the shard's meta key
-- ARGV[1]  as for granted.lua
-- ARGV[2]  digest of the source that it must be of; empty if any will do, and then one that is absent is passed over
-- ARGV[3…] field and value, one after the other
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
