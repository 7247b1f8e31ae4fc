#!/bin/sh
# Holds the cluster's network and mount namespace; run by unshare. What is mounted here, or by the cluster's processes
# later, is seen by nobody else and is gone with the last of them.
# Usage: anchor.sh FOLDER
set -eu
folder=$1
# Pods' volumes are mounted by kubelet and must reach containerd and what it runs: shared, but among these alone.
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock
mount --bind "$folder/cni" /var/lib/cni
mount --bind "$folder/container-logs" /var/log/containers
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
# What goes from pod to pod over the bridge must pass the rules too.
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
  echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
fi
: >"$folder/anchor.ready"
exec sleep infinity
