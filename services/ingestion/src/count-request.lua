-- Counts one request of a client in its window.
-- KEYS[1]  the client's counter
-- ARGV[1]  length of a window in milliseconds
-- Returns {requests in this window, milliseconds until it ends}.
local left = redis.call('PTTL', KEYS[1])
if left <= 0 then
  redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
  return { 1, tonumber(ARGV[1]) }
end
return { redis.call('INCR', KEYS[1]), left }
