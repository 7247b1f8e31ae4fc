-- Another after the server was made anew, went back to an earlier moment or changed to a replica (timeline), and after the
-- database was restored from a dump (oid).
select format('%s/%s/%s', system_identifier, (select timeline_id from pg_control_checkpoint()),
  (select oid from pg_database where datname = current_database())) as identity
from pg_control_system()
