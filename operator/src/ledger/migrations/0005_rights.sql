-- Nobody but the owner has any right here unless it stands below.
do $$
begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to scrutin_writer, scrutin_reader', current_database());
end
$$;
revoke all on schema public from public;
grant usage on schema public to scrutin_writer, scrutin_reader;

-- The aggregation stage records batches. It can't take a vote back, and it can't read what clients sent
-- beyond merging it, nor the election.
grant select, insert on participation to scrutin_writer;
grant select (law_id, oui_count, non_count, total_votes), update (oui_count, non_count, total_votes)
  on vote_results to scrutin_writer;
grant select (ballot_id, law_id, status), insert (ballot_id, law_id, status, metadata),
  update (status, metadata) on vote_audit to scrutin_writer;
-- A ballot called duplicate too early may be counted later: then its attempt is taken back.
grant select, insert, update, delete on duplicate_attempts to scrutin_writer;
grant select (name, value), update (value) on system_stats to scrutin_writer;
grant insert (instance, queue, messages, consumers, interval_ms, processed, rate, batches, batch_ms_mean, batch_ms_max),
  select (id, at), delete on processing_queue_stats to scrutin_writer;

-- The results stage reads counts and outcomes, never a voter or a client.
grant select on election, vote_results, vote_audit, system_stats, processing_queue_stats to scrutin_reader;
grant select on vote_summary, recent_audit_entries, top_duplicate_attempts to scrutin_reader;
grant select (law_id) on participation to scrutin_reader;
grant select (law_id, attempt_count, first_attempt_at, last_attempt_at) on duplicate_attempts to scrutin_reader;
