with locked as materialized (
  select law_id from vote_results where law_id = any($1::text[]) order by law_id for no key update
)
update vote_results as r
set oui_count = r.oui_count + t.oui, non_count = r.non_count + t.non, total_votes = r.total_votes + t.oui + t.non
from unnest($1::text[], $2::bigint[], $3::bigint[]) as t (law_id, oui, non) join locked using (law_id)
where r.law_id = t.law_id
