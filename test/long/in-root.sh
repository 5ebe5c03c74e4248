#!/bin/sh
# Runs a program of another root: in-root.sh ROOT AREA PROGRAM ARGUMENT..., in a mount namespace of its own (unshare
# --mount). ROOT is read-only there; AREA, a directory below /tmp, is seen under its own path and stays.
set -eu
root=$1
area=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
for scratch in tmp run var/tmp var/lib; do mount -t tmpfs tmpfs "$root/$scratch"; done
mkdir -p "$root$area" "$root/run/old"
mount --bind "$area" "$root$area"
mount -o remount,bind,ro "$root"
cd "$root"
pivot_root . run/old
umount -l /run/old
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp "$@"
