insert into processing_queue_stats
  (instance, queue, messages, consumers, interval_ms, processed, rate, batches, batch_ms_mean, batch_ms_max)
select $1, queue, messages, consumers, $2, processed, rate, batches, batch_ms_mean, batch_ms_max
from unnest($3::text[], $4::bigint[], $5::integer[], $6::bigint[], $7::float8[], $8::bigint[], $9::float8[], $10::float8[])
  as t (queue, messages, consumers, processed, rate, batches, batch_ms_mean, batch_ms_max)
