-- Counts the voters in a range of one shard's buckets. Redis knows each bucket's size, so this is fast; the
-- caller keeps the range short all the same, as nothing else runs meanwhile.
--
-- KEYS[1]  the shard's meta key; its buckets begin as it does, up to "meta"
-- ARGV[1]  number of the first bucket
-- ARGV[2]  number of the last
-- Replies  the number of voters
local electorate = string.sub(KEYS[1], 1, -5) .. 'e:'
local count = 0
for bucket = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  count = count + redis.call('HLEN', electorate .. string.format('%06x', bucket))
end
return count
