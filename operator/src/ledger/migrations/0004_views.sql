create view vote_summary as
select
  r.law_id,
  r.oui_count,
  r.non_count,
  r.total_votes,
  coalesce(round(100.0 * r.oui_count / nullif(r.total_votes, 0), 2), 0) as oui_percent,
  coalesce(round(100.0 * r.non_count / nullif(r.total_votes, 0), 2), 0) as non_percent,
  nullif(e.eligible, 0) as eligible,
  round(100.0 * r.total_votes / nullif(e.eligible, 0), 2) as turnout_percent,
  r.updated_at
from vote_results r
left join election e on e.singleton
order by r.law_id;
comment on view vote_summary is 'The tally with percentages; eligible and turnout are null until the electorate is loaded.';

create view recent_audit_entries as
select id, ballot_id, law_id, status, metadata, created_at
from vote_audit
order by id desc
limit 1000;
comment on view recent_audit_entries is 'The 1000 newest outcomes, newest first.';

create view top_duplicate_attempts as
select
  law_id,
  -- Enough to tell two voters apart, too little to look one up.
  left(encode(voter, 'hex'), 8) as voter_prefix,
  attempt_count,
  first_attempt_at,
  last_attempt_at,
  jsonb_array_length(ip_addresses) as ip_address_count,
  jsonb_array_length(user_agents) as user_agent_count
from duplicate_attempts
order by attempt_count desc, last_attempt_at desc, law_id, voter
limit 100;
comment on view top_duplicate_attempts is 'The 100 voters and laws with the most duplicate attempts, without who they are.';
create index duplicate_attempts_most on duplicate_attempts (attempt_count desc, last_attempt_at desc);
