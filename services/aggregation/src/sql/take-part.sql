-- Once per person and law (P2): the unique key decides, for all aggregations together. An aggregation that
-- meets another's uncommitted row waits here until that one has committed or given up. Sorted, so that two
-- of them can't wait for each other.
-- Returns the positions of those who have taken part already.
with candidate as (
  select law_id, decode(voter, 'hex') as voter, position
  from unnest($1::text[], $2::text[]) with ordinality as t (law_id, voter, position)
), fresh as (
  insert into participation (law_id, voter)
  select law_id, voter from candidate order by law_id, voter
  on conflict (law_id, voter) do nothing
  returning law_id, voter
)
select position::integer - 1 as position
from candidate left join fresh using (law_id, voter)
where fresh.voter is null
