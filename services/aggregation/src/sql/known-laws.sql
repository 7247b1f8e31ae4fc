select law_id from vote_results where law_id = any($1::text[])
