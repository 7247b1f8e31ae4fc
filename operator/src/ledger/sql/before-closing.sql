select coalesce(extract(epoch from (document->>'closesAt')::timestamptz - clock_timestamp()), 0)::float8 as seconds from election
