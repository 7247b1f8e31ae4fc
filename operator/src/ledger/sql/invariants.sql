-- One statement, one snapshot: true or false while votes are being counted, too. No rows: all holds.
with participants as (
  select law_id, count(*) as n from participation group by law_id
), audited as (
  select law_id, count(*) filter (where status = 'aggregated') as counted,
    count(*) filter (where status = 'duplicate') as duplicates
  from vote_audit group by law_id
), attempts as (
  select law_id, sum(attempt_count)::bigint as n from duplicate_attempts group by law_id
), laws as (
  select law_id,
    r.law_id is not null as known,
    coalesce(r.total_votes, 0) as tally,
    coalesce(p.n, 0) as participants,
    coalesce(a.counted, 0) as counted,
    coalesce(a.duplicates, 0) as duplicates,
    coalesce(d.n, 0) as attempts
  from vote_results r
    full join participants p using (law_id)
    full join audited a using (law_id)
    full join attempts d using (law_id)
), totals as (
  select s.name, s.value, case s.name
      when 'votes_counted' then (select count(*) from vote_audit where status = 'aggregated')
      when 'votes_duplicate' then (select count(*) from vote_audit where status = 'duplicate')
      when 'votes_invalid' then (select count(*) from vote_audit where status = 'invalid')
      when 'ballots_recorded' then (select count(*) from vote_audit)
    end as truth
  from system_stats s
  where s.name in ('votes_counted', 'votes_duplicate', 'votes_invalid', 'ballots_recorded')
)
select format('%s: the election has no such law', law_id) as problem from laws where not known
union all
select format('%s: %s participants, but %s votes in the tally', law_id, participants, tally)
from laws where participants <> tally
union all
select format('%s: %s ballots recorded as counted, but %s votes in the tally', law_id, counted, tally)
from laws where counted <> tally
union all
select format('%s: %s duplicate ballots, but %s duplicate attempts', law_id, duplicates, attempts)
from laws where duplicates <> attempts
union all
select format('system_stats.%s is %s, but should be %s', name, value, truth)
from totals where value <> truth
