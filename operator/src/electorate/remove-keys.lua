-- Removes keys of one shard.
--
-- KEYS[1]  the shard's meta key
-- ARGV[1]  as for granted.lua
-- ARGV[2…] the keys
for at = 2, #ARGV do
  redis.call('UNLINK', ARGV[at])
end
return #ARGV - 1
