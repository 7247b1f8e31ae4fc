-- Every batch changes these rows, so from here to its commit one batch of all aggregations is under way at
-- a time. Locked in order of the name, after all that may wait for another batch.
with locked as materialized (
  select name from system_stats where name = any($1::text[]) order by name for no key update
)
update system_stats as s
set value = s.value + t.added
from unnest($1::text[], $2::bigint[]) as t (name, added) join locked using (name)
where s.name = t.name
