// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";

export type DiskKind = "ext4" | "xfs" | "btrfs";

/** A file system of its own, in a file that can be copied while it is not mounted. */
export interface Disk {
  /** Where it is mounted. */
  readonly dir: string;
  mount(): void;
  unmount(): void;
  /** Ends it at once, as a power failure does: what did not reach the disk is gone. It is still to be unmounted. */
  cutPower(): void;
  /** Throws where the file system is not sound. It must not be mounted. */
  verify(): void;
}

/** `EXT4_IOC_SHUTDOWN`, which is `XFS_IOC_GOINGDOWN` too, without flushing the journal. */
const shutDown = 'open(my $dir, "<", $ARGV[0]) or die $!; ioctl($dir, 0x8004587d, my $flag = pack("L", 2)) or die $!';

/** Makes an empty disk below `base`. It takes only what is written to it. */
export function makeDisk(kind: DiskKind, base: string, mebibytes: number, more: readonly string[] = []): Disk {
  mkdirSync(base, { recursive: true });
  const image = join(base, "image");
  closeSync(openSync(image, "wx"));
  truncateSync(image, mebibytes << 20);
  // Root may use what ext4 keeps back for it, and so would find room on a full disk.
  run(`mkfs.${kind}`, ["-q", ...(kind === "ext4" ? ["-m", "0"] : []), ...more, image]);
  return diskIn(kind, base);
}

/** Copies a disk that is not mounted. */
export function copyDisk(kind: DiskKind, { from, to }: { from: string; to: string }): Disk {
  mkdirSync(to, { recursive: true });
  run("cp", ["--sparse=always", join(from, "image"), join(to, "image")]);
  return diskIn(kind, to);
}

function diskIn(kind: DiskKind, base: string): Disk {
  const [image, dir] = [join(base, "image"), join(base, "mounted")];
  mkdirSync(dir, { recursive: true });
  return {
    dir,
    mount: () => run("mount", ["-t", kind, "-o", "loop", image, dir]),
    unmount() {
      unmount(dir);
      waitUntilGone(image);
    },
    cutPower: () => run("perl", ["-e", shutDown, dir]),
    verify() {
      if (kind === "ext4") run("fsck.ext4", ["-fn", image]);
      else if (kind === "xfs") run("xfs_repair", ["-n", image]);
      else run("btrfs", ["check", "--readonly", image]);
    },
  };
}

/** Others of this machine look at mounts now and then, and hold them for a moment. */
function unmount(dir: string): void {
  for (let i = 0; ; i++) {
    try {
      return run("umount", [dir]);
    } catch (error) {
      if (i === 20) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
    }
  }
}

/** A disk in memory of so many bytes. */
export function makeMemoryDisk(base: string, bytes: number): Pick<Disk, "dir" | "mount" | "unmount"> {
  const dir = join(base, "mounted");
  mkdirSync(dir, { recursive: true });
  return {
    dir,
    mount: () => run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", dir]),
    // It is never mounted again, so whoever still looks at it may do so.
    unmount: () => run("umount", ["--lazy", dir]),
  };
}

/** Why disks cannot be mounted here; undefined where they can. In CI they must be. */
export function whyNoDisks(below: string): string | undefined {
  const base = join(below, "probe");
  try {
    const disk = makeDisk("ext4", base, 8);
    disk.mount();
    disk.unmount();
    return undefined;
  } catch (error) {
    if (process.env["CI"] !== undefined) throw error;
    return `needs root, loop devices and e2fsprogs: ${String(error)}`;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/**
 * A mount namespace that some process made meanwhile keeps the file system: a mount would give the very same one again,
 * with its power cut.
 */
function waitUntilGone(image: string): void {
  for (let i = 0; i < 240; i++) {
    const { status, stdout } = spawnSync("losetup", ["-j", image], { encoding: "utf8" });
    if (status === 0 && stdout === "") return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  }
  throw new Error(`disk "${image}" is still mounted in a namespace of another process`);
}

function run(command: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status === 0) return;
  throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
}
