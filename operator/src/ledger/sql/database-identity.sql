select oid::text as identity from pg_database where datname = current_database()
