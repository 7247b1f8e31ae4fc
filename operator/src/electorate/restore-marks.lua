-- Puts back the marks of voters who have voted on a law, as PostgreSQL remembers them (P2). Their value is empty,
-- since no ballot id is kept beside a voter; a mark that is there already stays as it is (P3).
--
-- KEYS[1]  the shard's meta key; its marks begin as it does, up to "meta"
-- ARGV[1]  as for granted.lua
-- ARGV[2]  shards and ARGV[3] bucket bits of the layout by which the caller has found the buckets
-- ARGV[4]  law id
-- ARGV[5]  voters, 16 bytes each: bucket (6 hexadecimal digits), field (10)
-- Replies  the number of marks that were missing
local meta = redis.call('HMGET', KEYS[1], 'shards', 'bucketBits')
if meta[1] ~= ARGV[2] or meta[2] ~= ARGV[3] then
  return redis.error_reply('NOTLOADING this shard is absent or has another layout')
end
local marks = string.sub(KEYS[1], 1, -5) .. 'v:' .. ARGV[4] .. ':'
local voters, call, sub = ARGV[5], redis.call, string.sub
local new = 0
for at = 1, #voters, 16 do
  new = new + call('HSETNX', marks .. sub(voters, at, at + 5), sub(voters, at + 6, at + 15), '')
end
return new
