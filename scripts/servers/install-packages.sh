#!/bin/sh
# Installs packages of a Debian-like distribution as root, without a service being started by it.
# Usage: install-packages.sh ROOT PACKAGE...   (ROOT: what stands before /etc and /usr; empty but in tests)
#
# /usr/sbin/policy-rc.d is how a Debian system is told not to start services (101: forbidden). One that is
# there is moved aside and comes back as it was, also after a failure, a signal, or a run that was killed.
set -eu
root=$1
shift
policy="$root/usr/sbin/policy-rc.d"
saved="$policy.before-scrutin"
mark='# Scrutin: no service is started while its packages are installed.'
cluster_settings="$root/etc/postgresql-common/createcluster.d/scrutin.conf"

made_folder=
[ -d "$(dirname "$cluster_settings")" ] || made_folder=yes

exists() { [ -e "$1" ] || [ -L "$1" ]; }

put_back() {
  if exists "$saved"; then
    mv -f "$saved" "$policy"
  elif [ -f "$policy" ] && grep -qF "$mark" "$policy"; then
    rm -f "$policy"
  fi
  rm -f "$cluster_settings"
  # Folders that only this script has made; those of a package are not empty, or come back with it.
  if [ -n "$made_folder" ]; then
    rmdir "$(dirname "$cluster_settings")" 2>/dev/null || true
    rmdir "$root/etc/postgresql-common" 2>/dev/null || true
  fi
}

put_back
trap put_back EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$(dirname "$policy")" "$(dirname "$cluster_settings")"
if exists "$policy"; then mv "$policy" "$saved"; fi
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy.new"
chmod 755 "$policy.new"
mv "$policy.new" "$policy"
# Without this the postgresql package makes a database cluster of its own, which would run from the next boot on.
printf 'create_main_cluster = false\n' >"$cluster_settings"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
# Lists that can't be brought up to date may still be good enough for the install.
apt-get -q -o DPkg::Lock::Timeout=120 update || true
apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "$@"

# Enabled units would start at the next boot; these packages were put here for private servers only.
if command -v systemctl >/dev/null 2>&1; then
  for package in "$@"; do
    systemctl disable "$package.service" >/dev/null 2>&1 || true
  done
fi
