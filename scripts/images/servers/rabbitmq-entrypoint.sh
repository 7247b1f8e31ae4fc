#!/bin/sh
# RabbitMQ as in its official image: settings from /etc/rabbitmq/conf.d, a user from RABBITMQ_DEFAULT_USER and _PASS.
set -eu
: "${HOME:=/var/lib/rabbitmq}"
[ "$HOME" != / ] || HOME=/var/lib/rabbitmq
export HOME RABBITMQ_LOGS="${RABBITMQ_LOGS:--}"
# Makes the script replace itself by the Erlang machine, which takes SIGTERM as an orderly stop.
export RUNNING_UNDER_SYSTEMD=true
if [ -n "${RABBITMQ_ERLANG_COOKIE:-}" ]; then
  umask 077
  printf '%s' "$RABBITMQ_ERLANG_COOKIE" >"$HOME/.erlang.cookie"
fi
# Read from here on a read-only root too; what stands in conf.d goes before it.
if [ -n "${RABBITMQ_DEFAULT_USER:-}" ] && [ "${1:-}" = rabbitmq-server ]; then
  umask 077
  settings="$HOME/default-user.conf"
  {
    cat /etc/rabbitmq/conf.d/*.conf 2>/dev/null || true
    printf 'default_user = %s\ndefault_pass = %s\nloopback_users = none\n' \
      "$RABBITMQ_DEFAULT_USER" "${RABBITMQ_DEFAULT_PASS:-guest}"
  } >"$settings"
  export RABBITMQ_CONFIG_FILES="$HOME/none" RABBITMQ_CONFIG_FILE="$settings"
fi
case "${1:-}" in rabbitmq-server) set -- /usr/lib/rabbitmq/bin/rabbitmq-server ;; esac
exec "$@"
