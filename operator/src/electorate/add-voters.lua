-- Adds voters to one shard of an electorate that is being loaded, and counts the new ones with it: a batch that
-- comes again changes nothing (P7).
--
-- KEYS[1]  the shard's meta key; its buckets begin as it does, up to "meta"
-- ARGV[1]  as for granted.lua
-- ARGV[2]  digest of the source that is being loaded
-- ARGV[3]  voters, 16 bytes each: bucket (6 hexadecimal digits), field (10)
-- Replies  the number of voters that were not there before
local meta = redis.call('HMGET', KEYS[1], 'state', 'source')
if meta[1] ~= 'loading' or meta[2] ~= ARGV[2] then
  return redis.error_reply('NOTLOADING this shard is not being loaded from this source: ' .. (meta[1] or 'absent'))
end
local electorate = string.sub(KEYS[1], 1, -5) .. 'e:'
local voters, call, sub = ARGV[3], redis.call, string.sub
local new = 0
for at = 1, #voters, 16 do
  new = new + call('HSET', electorate .. sub(voters, at, at + 5), sub(voters, at + 6, at + 15), '')
end
redis.call('HINCRBY', KEYS[1], 'eligible', new)
return new
