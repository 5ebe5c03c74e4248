// SPDX-License-Identifier: Apache-2.0

/**
 * What runs as the first process of a namespace of processes and mounts of its own, in the run's directory: it
 * makes the root, starts the backend, and gives out what changed. POSIX sh with util-linux, coreutils and tar.
 *
 * Paths are relative, because options of mounts can be read inside. Parameters come in the environment, which
 * the backends do not pass on; the arguments are tar's: what to capture. Descriptor 3 takes a word a line about
 * where we are (`started`, `exit N`, `captured`), 4 the archive. Programs get pipes, which can be opened by
 * /dev/stdout, and not the sockets that Node makes.
 */
export const launchScript = `set -eu
umask 022
ulimit -c 0
ulimit -S -n 1024
ulimit -S -s 8192
ulimit -f "$FILE_BLOCKS"
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t cgroup2 -o ro cgroup2 /sys/fs/cgroup 2>/dev/null || mount -t tmpfs -o ro tmpfs /sys/fs/cgroup
mount -t tmpfs -o nosuid,nodev,mode=0700 tmpfs state
if [ -n "$NEAR" ]; then mount --bind "$NEAR" near; fi
mount -t overlay -o "nosuid,nodev,$OVERLAY" overlay root
mount -t tmpfs -o "nosuid,nodev,mode=1777,$TMPFS" tmpfs root/tmp
mount -t tmpfs -o "nosuid,nodev,mode=0755,$TMPFS" tmpfs root/run
mount -t tmpfs -o ro,nosuid,nodev,noexec,mode=0555 tmpfs root/sys
mount -t tmpfs -o nosuid,noexec,mode=0755 tmpfs root/dev
mkdir root/dev/pts root/dev/shm
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5 devpts root/dev/pts
mount -t tmpfs -o "nosuid,nodev,noexec,mode=1777,$TMPFS" tmpfs root/dev/shm
for name in null zero full random urandom tty; do
  : >root/dev/$name
  mount -o bind,nosuid,noexec /dev/$name root/dev/$name
done
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
ln -s /proc/self/fd/0 root/dev/stdin
ln -s /proc/self/fd/1 root/dev/stdout
ln -s /proc/self/fd/2 root/dev/stderr
ln -s /proc/kcore root/dev/core
if [ -d secrets ]; then
  mkdir root/run/secrets
  cp secrets/* root/run/secrets
  chmod 0400 root/run/secrets/*
fi
echo started >&3
set +e
run() {
  case $BACKEND in
    crun) crun --cgroup-manager=disabled --root=state --log=file:state/log run --no-new-keyring run ;;
    runc) runc --rootless=true --root=state --log=state/log run --no-new-keyring run ;;
    bwrap) bwrap --args 6 5<seccomp.bpf 6<bwrap.args 7>state/bwrap ;;
  esac 3>&- 4>&-
  echo $? >state/exit
}
if [ -n "$INPUT" ]; then cat | run 2>&1 | cat; else run </dev/null 2>&1 | cat; fi
read -r code <state/exit
if [ -s state/log ]; then while read -r line; do echo "log $line"; done <state/log >&3; fi
echo "exit $code" >&3
if [ "$code" != 0 ] || [ $# = 0 ]; then exit 0; fi
cd upper
for path do
  shift
  case $path in --*) ;; *) [ -e "$path" ] || [ -L "$path" ] || continue ;; esac
  set -- "$@" "$path"
done
tar --create --file=- --format=pax --numeric-owner --xattrs --xattrs-include='*' --null --files-from=/dev/null \\
  --warning=no-file-ignored "$@" 3>&- >&4 && echo captured >&3
`;
