-- The clock, not the transaction's start: under the row's lock it never runs backwards between two batches.
create function touch_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;
comment on function touch_updated_at() is 'Keeps updated_at true whoever updates a row.';

create trigger touch_updated_at before update on election
  for each row execute function touch_updated_at();
create trigger touch_updated_at before update on vote_results
  for each row execute function touch_updated_at();
create trigger touch_updated_at before update on system_stats
  for each row execute function touch_updated_at();
