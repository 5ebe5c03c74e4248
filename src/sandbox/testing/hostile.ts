// SPDX-License-Identifier: Apache-2.0
import { deniedCalls } from "../denied-calls.ts";

const column = process.arch === "arm64" ? 2 : 0;
const [setxattr, mmap, read, clone, clone3, sethostname, socket] =
  process.arch === "arm64" ? [5, 222, 63, 220, 435, 161, 198] : [188, 9, 0, 56, 435, 170, 41];
const [fsetxattr, removexattr, fallocate, ioctl] =
  process.arch === "arm64" ? [7, 14, 47, 29] : [190, 197, 285, 16];

/** A program in perl that makes each call which the filter denies, and prints its name and errno. */
export const deniedScript = `
my %calls = (${Object.entries(deniedCalls)
  .filter(([, numbers]) => (numbers[column] ?? -1) >= 0)
  .map(([name, numbers]) => `${name} => ${numbers[column]}`)
  .join(", ")});
for my $name (sort keys %calls) {
  my $result = syscall($calls{$name}, 0, 0, 0, 0, 0);
  print $name, " ", $result == -1 ? $! + 0 : "done", "\\n";
}
print "clone ", (syscall(${clone}, 0x10000011, 0, 0, 0, 0) == -1 ? $! + 0 : "done"), "\\n";
print "clone3 ", (syscall(${clone3}, 0, 0, 0, 0, 0) == -1 ? $! + 0 : "done"), "\\n";
my $name = "x";
print "sethostname ", (syscall(${sethostname}, $name, 1) == -1 ? $! + 0 : "done"), "\\n";
`;

/** The lines that `deniedScript` has to print: EPERM (1), and ENOSYS (38) for clone3. */
export const deniedLines = [
  ...Object.keys(deniedCalls)
    .filter((name) => (deniedCalls[name]?.[column] ?? -1) >= 0)
    .sort()
    .map((name) => `${name} 1`),
  "clone 1",
  "clone3 38",
  "sethostname 1",
];

/**
 * Does everything it can think of to every path it can reach, by every way it knows, and ends well. `PORT` is one
 * where somebody listens outside.
 */
export const hostileScript = `
sub names { my $dir = shift; opendir(my $handle, $dir) or return ();
  map { "$dir/$_" } grep { !/^[.]+$/ } readdir $handle }
my @own = grep { m{/(self|[0-9]+)$} } names("/proc");
my @roots = ("/", map { ("$_/root/", "$_/cwd/") } @own);
my %seen; my @paths;
sub walk { my ($dir, $depth) = @_; return if $depth > 6 || @paths > 3000;
  opendir(my $handle, $dir) or return; for my $name (readdir $handle) { next if $name eq "." || $name eq "..";
  my $path = "$dir/$name"; next if $seen{$path}++; push @paths, $path;
  walk($path, $depth + 1) if -d $path && !-l $path && $path !~ m{^/+proc/} } }
walk($_, 0) for @roots; push @paths, map { (names("$_/fd"), names("$_/map_files")) } @own;
for my $path (@paths) {
  next if $path =~ m{^/+(bin/busybox|usr/bin/perl)$|/lib|/ld};
  open(my $in, "<", $path) if -f $path;
  if ($in) { # What is open for reading only is still the file below the overlay.
    my ($own, $mark) = ("user.hostile", "x"); syscall(${fsetxattr}, fileno($in), $own, $mark, 1, 0);
    chmod 0666, $in; chown 1, 1, $in; utime 2, 2, $in; syscall(${fallocate}, fileno($in), 3, 0, 4096);
    my $flags = pack("l", 0x10); syscall(${ioctl}, fileno($in), 0x40086602, $flags);
    syscall(${mmap}, 0, 4096, 3, 1, fileno($in), 0);
    my $descriptor = "/proc/self/fd/" . fileno($in); truncate $descriptor, 1; link $descriptor, "/tmp/by-descriptor" }
  if (open(my $file, "+<", $path)) { if (-f $path) {
    pipe(my $from, my $to); syswrite $to, "hostile!";
    my $at = syscall(${mmap}, 0, 4096, 3, 1, fileno($file), 0);
    syscall(${read}, fileno($from), $at, 8) if $at > 0 && -s $path > 8;
    open(my $again, ">>", "/proc/self/fd/" . fileno($file)) and syswrite $again, "more";
    open(my $again2, "+<", "/proc/self/fd/" . fileno($in)) and syswrite $again2, "more";
    syscall(${fallocate}, fileno($file), 3, 0, 4); syswrite $file, "overwritten"; truncate $file, 3 } }
  my ($attribute, $value, $copy) = ("user.hostile", "x", $path);
  syscall(${setxattr}, $copy, $attribute, $value, 1, 0);
  my $capability = "security.capability"; syscall(${removexattr}, $copy, $capability);
  ($attribute, $value) = ("trusted.overlay.opaque", "y"); syscall(${setxattr}, $copy, $attribute, $value, 1, 0);
  ($attribute, $value) = ("user.overlay.opaque", "y"); syscall(${setxattr}, $copy, $attribute, $value, 1, 0);
  next if $path =~ m{^/+(proc|dev)/};
  chmod 0777, $path; chown 1, 1, $path; utime 1, 1, $path; link $path, "$path.link"; link $path, "/tmp/link";
  rename "$path.link", "$path.renamed"; symlink "/", "$path.symlink"; unlink $path if $path =~ /mail/;
}
for my $file ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj", "/proc/self/uid_map",
  "/proc/1/oom_score_adj", "/proc/sys/vm/drop_caches", "/sys/fs/cgroup/cgroup.procs", "/sys/kernel/uevent_helper") {
  open(my $out, ">", $file) and syswrite $out, "c"; }
for my $type (0020000, 0060000) { for my $device ([8, 0], [1, 1], [254, 0], [0, 0]) {
  system("mknod /dev/h$type$device->[0] " . ($type == 0020000 ? "c" : "b") . " @$device 2>/dev/null"); } }
my $connected = 0;
for my $address ("\\x7f\\0\\0\\1", "\\x0a\\0\\0\\1", "\\x08\\x08\\x08\\x08") {
  my $fd = syscall(${socket}, 2, 1, 0); open(my $socket, "+<&=", $fd);
  $connected = 1 if connect($socket, pack("S n a4 x8", 2, $ENV{PORT}, $address)); }
for (1 .. 5) { next if fork;
  $SIG{$_} = "IGNORE" for qw(TERM INT HUP QUIT); fork; sleep 1000; exit }
kill 9, $_ for grep { $_ != $$ } 1 .. 400;
print "connected\\n" if $connected;
print "end\\n";
`;
