// SPDX-License-Identifier: Apache-2.0
import { openFiles } from "./open-files.ts";

/**
 * What runs as the first process of a namespace of processes and mounts of its own, in the run's directory: it
 * makes the root, starts the backend, and gives out what changed. POSIX sh with util-linux, coreutils and tar.
 *
 * Paths are relative, because options of mounts can be read inside. Parameters come in the environment, which
 * the backends do not pass on. The arguments: a number, so many of tar's about what to capture, the command.
 * Descriptor 3 takes a word a line about where we are (`started`, `log TEXT`, `exit N`, `captured`), 4 the
 * archive, 5 gives files for /run. Programs get pipes, which can be opened by /dev/stdout, and not the sockets
 * that Node makes.
 */
export const launchScript = `set -eu
umask 022
ulimit -c 0
ulimit -H -n "$OPEN_FILES"
ulimit -S -n "${openFiles}"
ulimit -S -s 8192
if [ -n "$FILE_BLOCKS" ]; then ulimit -f "$FILE_BLOCKS"; fi
if [ -n "$NPROC" ]; then prlimit --pid $$ --nproc="$NPROC"; fi
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t cgroup2 -o ro cgroup2 /sys/fs/cgroup 2>/dev/null || mount -t tmpfs -o ro tmpfs /sys/fs/cgroup
mount -t tmpfs -o nosuid,nodev,mode=0700 tmpfs state
if [ -n "$NEAR" ]; then mount --bind "$NEAR" near; fi
if [ -f owned.tar ]; then
  mkdir owned
  tar --extract --file=owned.tar --directory=owned --same-permissions --numeric-owner --xattrs --xattrs-include='*'
fi
if [ -z "$DIRECTORY_ORDER" ]; then
  mount -t overlay -o "nosuid,nodev,$OVERLAY" overlay root
else
  mkdir plain
  mount -t overlay -o "nosuid,nodev,$OVERLAY" overlay plain
  disorderfs --multi-user=yes "$DIRECTORY_ORDER" plain root >/dev/null 2>&1 || mount --bind plain root
fi
mount -t tmpfs -o "nosuid,nodev,mode=1777,$TMPFS" tmpfs root/tmp
mount -t tmpfs -o "nosuid,nodev,mode=0755,$TMPFS" tmpfs root/run
mount -t tmpfs -o ro,nosuid,nodev,noexec,mode=0555 tmpfs root/sys
mount -t tmpfs -o nosuid,noexec,mode=0755 tmpfs root/dev
mkdir root/dev/pts root/dev/shm
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5 devpts root/dev/pts
mount -t tmpfs -o "nosuid,nodev,noexec,mode=1777,$TMPFS" tmpfs root/dev/shm
if [ "$BACKEND" != runc ]; then # which insists on making them itself
  for name in null zero full random urandom tty; do
    : >root/dev/$name
    mount -o bind,nosuid,noexec /dev/$name root/dev/$name
  done
fi
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
ln -s /proc/self/fd/0 root/dev/stdin
ln -s /proc/self/fd/1 root/dev/stdout
ln -s /proc/self/fd/2 root/dev/stderr
ln -s /proc/kcore root/dev/core
if [ -n "$RUN_FILES" ]; then tar --extract --file=- --directory=root/run --same-permissions <&5; fi
if [ -f mounts.sh ]; then . ./mounts.sh; fi
echo started >&3
set +e
count=$1
shift
run() {
  shift "$count"
  case $BACKEND in
    crun) crun --cgroup-manager=disabled --root=state --log=file:state/log run --no-new-keyring run ;;
    runc) runc --rootless=true --root=state --log=state/log run --no-new-keyring run ;;
    bwrap) bwrap --args 6 -- "$@" 5<seccomp.bpf 6<bwrap.args 7>state/bwrap ;;
  esac 3>&- 4>&- 5<&-
  echo $? >state/exit
}
capture() {
  at=0
  for path do
    shift
    at=$((at + 1))
    if [ "$at" -gt "$count" ]; then continue; fi
    case $path in --*) ;; *) [ -e "$path" ] || [ -L "$path" ] || continue ;; esac
    set -- "$@" "$path"
  done
  tar --create --file=- --format=pax --numeric-owner --xattrs --xattrs-include='*' --warning=no-file-ignored "$@"
}
case $STREAMS in
  terminal) run "$@" ;;
  pipes)
    exec 7<&0
    mkfifo state/input
    cat <&7 >state/input 7<&- &
    { run "$@" <state/input 2>&1 >&8 7<&- 8>&- | cat >&2; } 7<&- 8>&1 | cat 7<&-
    ;;
  input) cat | run "$@" 2>&1 | cat ;;
  *) run "$@" </dev/null 2>&1 | cat ;;
esac
read -r code <state/exit
if [ -s state/log ]; then while read -r line; do echo "log $line"; done <state/log >&3; fi
if [ "$BACKEND" = bwrap ]; then
  case $(cat state/bwrap) in *exit-code*) ;; *) echo "log bwrap did not start it" >&3 ;; esac
fi
echo "exit $code" >&3
if [ "$code" != 0 ] || [ "$count" = 0 ]; then exit 0; fi
cd upper
capture "$@" 3>&- >&4 && echo captured >&3
`;
