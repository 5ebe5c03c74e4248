#!/bin/sh
# Runs podman of another root: pull-apart.sh ROOT AREA IMAGE, in a mount namespace of its own (unshare --mount).
# A plain chroot will not do: podman remounts / and must find a mount point there, hence pivot_root.
# AREA has etc/ (becomes /etc/containers) and holds podman's storage; ROOT itself stays as it is.
set -eu
mount --make-rprivate /
mount --bind "$1" "$1"
mount --rbind /proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
mount -t tmpfs tmpfs "$1/tmp"
mount -t tmpfs tmpfs "$1/run"
mount --bind "$2" "$1/mnt"
mount --bind "$2/etc" "$1/etc/containers"
mkdir "$1/run/old"
cd "$1"
pivot_root . run/old
umount -l /run/old
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TMPDIR=/mnt/tmp \
  podman --events-backend=file pull --quiet --tls-verify=false "$3"
