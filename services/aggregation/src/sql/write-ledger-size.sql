update system_stats set value = pg_database_size(current_database()) where name = 'ledger_bytes'
