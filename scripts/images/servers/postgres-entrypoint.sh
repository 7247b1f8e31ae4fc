#!/bin/sh
# PostgreSQL as in its official image: makes the cluster in PGDATA the first time, with POSTGRES_USER and the
# password of POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE; POSTGRES_INITDB_ARGS is passed on.
set -eu
# Where /run is a fresh tmpfs, as on a read-only root.
mkdir -p /var/run/postgresql
if [ "${1:-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE"); fi
  [ -n "${POSTGRES_PASSWORD:-}" ] || { echo 'POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE is needed' >&2; exit 1; }
  # Made beside its place and renamed at the end: what a broken-off initdb leaves is no database.
  next="$PGDATA/unfinished"
  rm -rf "$next"
  mkdir -p "$next"
  password="$(mktemp)"
  printf '%s' "$POSTGRES_PASSWORD" >"$password"
  # shellcheck disable=SC2086 # several arguments
  initdb -D "$next" -U "${POSTGRES_USER:-postgres}" -E UTF8 --locale=C.UTF-8 \
    --auth=scram-sha-256 --pwfile="$password" ${POSTGRES_INITDB_ARGS:-} >/dev/null
  rm -f "$password"
  printf "listen_addresses = '*'\njit = off\n" >>"$next/postgresql.conf"
  echo 'host all all all scram-sha-256' >>"$next/pg_hba.conf"
  # PG_VERSION last: by it this script knows that all is there.
  mv "$next/PG_VERSION" "$PGDATA/.PG_VERSION"
  mv "$next"/* "$PGDATA/"
  rmdir "$next"
  mv "$PGDATA/.PG_VERSION" "$PGDATA/PG_VERSION"
  chmod 0700 "$PGDATA" 2>/dev/null || true
fi
exec "$@"
