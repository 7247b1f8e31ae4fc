-- Election and counts in one statement, so that they are of the same moment; as text, so that an unchanged
-- answer is told without decoding it.
select json_build_object(
  'election', e.document,
  'eligible', e.eligible,
  'phase', e.phase,
  'closed_at', to_char(e.closed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'digest', e.digest,
  'counts', (
    select coalesce(json_agg(json_build_object(
      'law_id', r.law_id,
      'oui', r.oui_count,
      'non', r.non_count,
      'updated_at', to_char(r.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    ) order by r.law_id), '[]')
    from vote_results r
  )
)::text as snapshot
from election e
