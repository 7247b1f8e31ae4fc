-- Of addresses and agents the first 20 distinct ones are kept: a client must not make a row grow (P6).
insert into duplicate_attempts as d
  (law_id, voter, attempt_count, first_attempt_at, last_attempt_at, ip_addresses, user_agents)
select law_id, decode(voter, 'hex'), attempts, first_at, last_at, ips, agents
from unnest($1::text[], $2::text[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::jsonb[], $7::jsonb[])
  as t (law_id, voter, attempts, first_at, last_at, ips, agents)
order by law_id, decode(voter, 'hex')
on conflict (law_id, voter) do update set
  attempt_count = d.attempt_count + excluded.attempt_count,
  first_attempt_at = least(d.first_attempt_at, excluded.first_attempt_at),
  last_attempt_at = greatest(d.last_attempt_at, excluded.last_attempt_at),
  ip_addresses = (
    select coalesce(jsonb_agg(item order by place), '[]')
    from (
      select item, min(place) as place
      from jsonb_array_elements(d.ip_addresses || excluded.ip_addresses) with ordinality as e (item, place)
      group by item order by min(place) limit 20
    ) as kept
  ),
  user_agents = (
    select coalesce(jsonb_agg(item order by place), '[]')
    from (
      select item, min(place) as place
      from jsonb_array_elements(d.user_agents || excluded.user_agents) with ordinality as e (item, place)
      group by item order by min(place) limit 20
    ) as kept
  )
