select voter from participation
where law_id = $1 and voter > $2
order by voter
limit $3
