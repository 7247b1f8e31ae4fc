select law_id, oui_count, non_count, total_votes, updated_at from vote_results order by law_id
