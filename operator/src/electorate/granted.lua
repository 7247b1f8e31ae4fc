-- Stands before every script that a loader runs: one that has not, or no longer, its grant must change nothing. It may come late,
-- when the election was removed and nobody would remove again what it brings, or when another load has its place.
--
-- KEYS[1]  the shard's meta key; the grant to load into it begins as it does, up to "meta"
-- ARGV[1]  the loader's grant, or empty if it needs none
if ARGV[1] ~= '' and redis.call('HGET', string.sub(KEYS[1], 1, -5) .. 'grant', 'owner') ~= ARGV[1] then
  return redis.error_reply('NOTLOADING this load is not granted: the election was removed, or another load has its place')
end
