-- Decides votes of one shard, all or nothing as others see it (P2): is the voter in the electorate, and is this
-- the ballot that has the voter's mark for the law (P3)?
--
-- KEYS[1]  the shard's meta key; the shard's other keys begin as it does, up to "meta"
-- ARGV[1]  shards and ARGV[2] bucket bits of the layout by which the caller has found the buckets
-- ARGV[3]  votes, 26 bytes each: bucket (6 hexadecimal digits), field (10), ballot tag (8), law (2)
-- ARGV[4…] law ids; law 0 is ARGV[4]
-- Replies  one character a vote, in order: v validated, d duplicate, i not eligible
local meta = redis.call('HMGET', KEYS[1], 'state', 'shards', 'bucketBits')
if meta[1] ~= 'ready' then return redis.error_reply('NOTREADY the electorate is ' .. (meta[1] or 'absent')) end
if meta[2] ~= ARGV[1] or meta[3] ~= ARGV[2] then return redis.error_reply('NOTREADY the electorate has another layout') end

local prefix = string.sub(KEYS[1], 1, -5)
local electorate = prefix .. 'e:'
local marks = {}
for i = 4, #ARGV do marks[i - 4] = prefix .. 'v:' .. ARGV[i] .. ':' end

local votes, call, sub, byte = ARGV[3], redis.call, string.sub, string.byte
local replies, n = {}, 0
for at = 1, #votes, 26 do
  local bucket = sub(votes, at, at + 5)
  local field = sub(votes, at + 6, at + 15)
  local reply = 'i'
  if call('HEXISTS', electorate .. bucket, field) == 1 then
    local tag = sub(votes, at + 16, at + 23)
    local high, low = byte(votes, at + 24, at + 25)
    local mark = marks[high * 256 + low] .. bucket
    if call('HSETNX', mark, field, tag) == 1 or call('HGET', mark, field) == tag then reply = 'v' else reply = 'd' end
  end
  n = n + 1
  replies[n] = reply
end
return table.concat(replies)
