-- Recorded before, by a transaction that has committed: nobody changes them until this one ends.
select ballot_id, status from vote_audit where ballot_id = any($1::uuid[]) order by ballot_id for update
