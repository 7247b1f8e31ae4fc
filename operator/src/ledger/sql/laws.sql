select law_id from vote_results order by law_id
