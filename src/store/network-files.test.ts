// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { networkName, parseFuseName, verifyLocalDisk } from "./network-files.ts";
import { freshDirs } from "./testing/fresh-dir.ts";

const freshDir = freshDirs();
const noFuse = (): never => assert.fail("only FUSE has a name to look for");

test("networkName knows file systems of other machines by their magic numbers", () => {
  // statfs(2) and linux/magic.h
  const network: [number, string][] = [
    [0x6969, "NFS"], [0x517b, "SMB"], [0xff534d42, "CIFS"], [0xfe534d42, "SMB"], [0x01021997, "9P"],
    [0x00c36400, "Ceph"], [0x0bd00bd0, "Lustre"], [0x5346414f, "AFS"],
  ];
  for (const [type, name] of network) assert.equal(networkName(type, noFuse), name);
  const local = [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1, 0xe0f5e1e2];
  for (const type of local) assert.equal(networkName(type, noFuse), undefined);
});

test("networkName asks FUSE for its kind: programs that reach other machines, and others", () => {
  const fuse = 0x65735546;
  assert.equal(networkName(fuse, () => "sshfs"), "sshfs");
  for (const name of ["fuse-overlayfs", "bindfs", "gocryptfs", undefined]) {
    assert.equal(networkName(fuse, () => name), undefined);
  }
});

test("parseFuseName finds the mount by its device number, whatever lies before the hyphen", () => {
  const lines = [
    "22 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw",
    "90 22 0:52 / /mnt/a\\040b rw,nosuid shared:48 - fuse.sshfs me@host:/srv rw,user_id=0",
    "91 22 0:53 / /mnt/c rw - fuse.fuse-overlayfs fuse-overlayfs rw",
    "92 22 0:54 / /mnt/d rw - fuseblk.ntfs /dev/sdb1 rw",
    "",
  ].join("\n");
  assert.equal(parseFuseName(lines, "0:52"), "sshfs");
  assert.equal(parseFuseName(lines, "0:53"), "fuse-overlayfs");
  assert.equal(parseFuseName(lines, "0:54"), "ntfs");
  assert.equal(parseFuseName(lines, "254:0"), undefined);
});

test("verifyLocalDisk looks at what exists of a path that does not", () => {
  verifyLocalDisk(`${freshDir()}/not/there/yet`);
  verifyLocalDisk("/proc/self");
});
