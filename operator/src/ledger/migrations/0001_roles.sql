-- Two group roles that no one logs in with. A stage's sessions take one of them on (SET ROLE), so that a
-- fault in a stage can do no more than the stage may. Roles belong to the whole server while migrations run
-- per database, many at a time, so losing the race to create one is success.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['scrutin_writer', 'scrutin_reader'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin', wanted);
        execute format('comment on role %I is %L', wanted,
          'Scrutin: the rights of the ' || case wanted when 'scrutin_writer' then 'aggregation' else 'results' end || ' stage');
      exception when duplicate_object or unique_violation then
        null;
      end;
    end if;
    -- Whoever migrates must be able to take the roles on. A superuser already can.
    if not pg_has_role(current_user, wanted, 'member') then
      begin
        execute format('grant %I to %I', wanted, current_user);
      exception when unique_violation or insufficient_privilege then
        null;
      end;
    end if;
  end loop;
end
$$;
