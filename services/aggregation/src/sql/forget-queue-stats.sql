delete from processing_queue_stats
where id in (
  select id from processing_queue_stats where at < now() - make_interval(hours => $1) order by at limit $2
)
