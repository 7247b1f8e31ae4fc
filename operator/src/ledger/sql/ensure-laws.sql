insert into vote_results (law_id)
select law_id from unnest($1::text[]) as t (law_id) order by law_id
on conflict (law_id) do nothing
