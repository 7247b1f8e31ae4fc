update vote_audit as a
set status = t.status, metadata = t.metadata
from unnest($1::uuid[], $2::text[], $3::jsonb[]) as t (ballot_id, status, metadata)
where a.ballot_id = t.ballot_id
