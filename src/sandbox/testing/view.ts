// SPDX-License-Identifier: Apache-2.0

/** Looks at everything that a build could depend on. */
export const view = `
exec 2>&1
id; umask; hostname; pwd; env | sort
ls -a / | tr '\\n' ' '; echo
(cd /dev; stat -c '%n %A' * pts/* 2>/dev/null)
ls -a /tmp /run /sys /dev/shm; stat -c '%n %A %u:%g' /tmp /run /sys /dev /dev/shm /dev/pts
for fd in /proc/self/fd/*; do echo "\${fd##*/}"; done | grep -v '^[0-9][0-9]' | tr '\\n' ' '; echo
grep -E '^(CapPrm|CapEff|NoNewPrivs|Seccomp)' /proc/self/status
sed 's/^[^:]*:[^:]*://' /proc/self/cgroup | sort -u
ulimit -c; ulimit -n; ulimit -s; ulimit -f
ip -o link | sed 's/^\\([^<]*<[^>]*>\\).*/\\1/'
sed 's/^[^ ]* [^ ]* [^ ]* [^ ]* \\([^ ]*\\) .* - \\([^ ]*\\) .*/\\1 \\2/' /proc/self/mountinfo |
  grep -v -e ^/proc/ -e ^/dev/ | sort
echo 1 >/proc/sys/kernel/core_pattern; cat /proc/keys; ls /proc/acpi; grep -c . /proc/net/dev
cat /proc/self/mountinfo /proc/mounts /proc/self/cmdline /proc/self/environ | grep -a -c -e ashlar -e sandbox-
echo to-stdout >/dev/stdout; echo to-stderr >/dev/stderr; ps >/tmp/ps 2>/dev/null; grep -c . /tmp/ps
cat /proc/sys/kernel/hostname; echo $$; unshare -m true; mknod n b 1 1; mount -t tmpfs x /tmp; true
`;

/** What is there. */
export const viewed = `uid=0(root) gid=0
0022
localhost
/
DEBCONF_NONINTERACTIVE_SEEN=true
DEBCONF_NOWARNINGS=yes
DEBIAN_FRONTEND=noninteractive
HOME=/root
LANG=C.UTF-8
LC_ALL=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PERL_HASH_SEED=0
PWD=/
PYTHONHASHSEED=0
SHLVL=1
SOURCE_DATE_EPOCH=315532800
TERM=dumb
TZ=UTC
. .. bin dev etc proc run sys tmp usr var 
core lrwxrwxrwx
fd lrwxrwxrwx
full crw-rw-rw-
null crw-rw-rw-
ptmx lrwxrwxrwx
pts drwxr-xr-x
random crw-rw-rw-
shm drwxrwxrwt
stderr lrwxrwxrwx
stdin lrwxrwxrwx
stdout lrwxrwxrwx
tty crw-rw-rw-
urandom crw-rw-rw-
zero crw-rw-rw-
pts/ptmx crw-rw-rw-
/dev/shm:
.
..

/run:
.
..

/sys:
.
..

/tmp:
.
..
/tmp drwxrwxrwt 0:0
/run drwxr-xr-x 0:0
/sys dr-xr-xr-x 0:0
/dev drwxr-xr-x 0:0
/dev/shm drwxrwxrwt 0:0
/dev/pts drwxr-xr-x 0:0
0 1 2 3 
CapPrm:	00000000a00401fb
CapEff:	00000000a00401fb
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	1
/
0
1024
8192
41945088
1: lo: <LOOPBACK,UP,LOWER_UP>
/ overlay
/dev tmpfs
/proc proc
/run tmpfs
/sys tmpfs
/tmp tmpfs
sh: can't create /proc/sys/kernel/core_pattern: Read-only file system
3
0
to-stdout
to-stderr
3
localhost
1
unshare: unshare(0x20000): Operation not permitted
mknod: n: Operation not permitted
mount: permission denied (are you root?)
`;
