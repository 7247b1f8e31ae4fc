-- Adds a client's requests to its window, which begins with the first of them.
-- KEYS[1]  the client's counter
-- ARGV[1]  number of requests
-- ARGV[2]  length of a window in milliseconds
-- Returns {requests in this window, milliseconds until it ends}.
local left = redis.call('PTTL', KEYS[1])
if left <= 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return { tonumber(ARGV[1]), tonumber(ARGV[2]) }
end
return { redis.call('INCRBY', KEYS[1], ARGV[1]), left }
