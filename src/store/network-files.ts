// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { AshlarError, isSystemError } from "../base/index.ts";

/** File systems that other machines write to, by their `f_type` (statfs(2), linux/magic.h). */
const networkTypes: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x01021997, "9P"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x564c, "NCP"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0xaad7aaea, "PanFS"],
  [0x786f4256, "VirtualBox's shared folders"],
]);

const fuseType = 0x65735546;

/** What mountinfo calls file systems in programs that reach other machines. */
const networkFuse = new Set([
  "sshfs", "nfs", "glusterfs", "ceph", "ceph-fuse", "s3fs", "gcsfuse", "goofys", "rclone", "juicefs", "mfs",
  "seaweedfs", "davfs", "webdavfs", "curlftpfs", "smbnetfs", "gvfsd-fuse", "vmhgfs-fuse", "prl_fsd", "beegfs",
  "cvmfs2", "afpfs",
]);

/**
 * Makes sure that a store's directory, or the one it will be made in, lies on a disk of this machine: locks and the
 * memory that SQLite shares between processes reach no farther. Throws `STORE_NETWORK_DISK`.
 */
export function verifyLocalDisk(dir: string): void {
  const there = nearestExisting(dir);
  const type = Number(BigInt.asUintN(32, statfsSync(there, { bigint: true }).type));
  const found = networkName(type, () => fuseNameOf(there));
  if (found === undefined) return;
  const state = `it lies on ${found}, where locks between machines cannot be relied on, want a disk of this machine`;
  throw new AshlarError("STORE_NETWORK_DISK", `Cannot use "${dir}" as a store: ${state}`, {
    hint: "set ASHLAR_STORE to a directory of a local disk; `ashlar push` and `ashlar mirror` share between machines",
    details: { dir, fileSystem: found },
  });
}

/** The name of a file system that other machines write to; undefined for one of this machine, or of no known kind. */
export function networkName(type: number, fuseName: () => string | undefined): string | undefined {
  if (type !== fuseType) return networkTypes.get(type);
  const name = fuseName();
  return name !== undefined && networkFuse.has(name) ? name : undefined;
}

/** The subtype of the FUSE file system with this device number, as in "fuse.sshfs" (proc_pid_mountinfo(5)). */
export function parseFuseName(mountinfo: string, device: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    if (left.split(" ")[2] !== device) continue;
    const match = /^fuse(?:blk)?\.(\S+)/.exec(right);
    if (match !== null) return match[1];
  }
  return undefined;
}

function fuseNameOf(path: string): string | undefined {
  const { dev } = statSync(path, { bigint: true });
  // makedev(3): the lower 8 bits and those above the 12 of the major number are the minor one.
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  try {
    return parseFuseName(readFileSync("/proc/self/mountinfo", "latin1"), `${major}:${minor}`);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES")) return undefined;
    throw error;
  }
}

function nearestExisting(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    if (statSync(at, { throwIfNoEntry: false }) !== undefined || dirname(at) === at) return at;
  }
}
