select ballot_id, law_id, status
from vote_audit
where ballot_id = any($1::uuid[])
