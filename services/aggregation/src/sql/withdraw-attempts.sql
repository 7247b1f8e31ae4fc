-- Ballots that were called duplicates and are counted now: their attempts were none.
with withdrawn as (
  select d.law_id, d.voter, t.attempts
  from unnest($1::text[], $2::text[], $3::integer[]) as t (law_id, voter, attempts)
    join duplicate_attempts d on d.law_id = t.law_id and d.voter = decode(t.voter, 'hex')
  order by d.law_id, d.voter
  for update of d
), gone as (
  delete from duplicate_attempts d using withdrawn w
  where d.law_id = w.law_id and d.voter = w.voter and d.attempt_count <= w.attempts
)
update duplicate_attempts d set attempt_count = d.attempt_count - w.attempts
from withdrawn w
where d.law_id = w.law_id and d.voter = w.voter and d.attempt_count > w.attempts
