-- Sorted by ballot, not by voter: the order on disk must not tie the two together (P5).
-- Returns the positions of ballots that have been recorded before.
with ballot as (
  select ballot_id, law_id, status, metadata, position
  from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[])
    with ordinality as t (ballot_id, law_id, status, metadata, position)
), fresh as (
  insert into vote_audit (ballot_id, law_id, status, metadata)
  select ballot_id, law_id, status, metadata from ballot order by ballot_id
  on conflict (ballot_id) do nothing
  returning ballot_id
)
select position::integer - 1 as position
from ballot left join fresh using (ballot_id)
where fresh.ballot_id is null
