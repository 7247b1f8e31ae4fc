-- The document as it is now. What closing has written (closed_at, digest) stays.
insert into election as e (id, document, eligible, phase)
values ($1, $2, $3, $4)
on conflict (id) do update
  set document = excluded.document, eligible = excluded.eligible, phase = excluded.phase
  -- Applied again without a change it leaves updated_at alone (P7).
  where (e.document, e.eligible, e.phase) is distinct from (excluded.document, excluded.eligible, excluded.phase)
