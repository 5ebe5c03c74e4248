// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { after, type TestContext } from "node:test";

export type FileSystem = "ext4" | "xfs" | "btrfs" | "tmpfs";

const mounted: string[] = [];
after(() => {
  for (const dir of mounted.toReversed()) spawnSync("umount", [dir]);
});

/** Mounts a new file system on a new directory; false and the test skipped where that cannot be done. */
export function mountNew(t: TestContext, kind: FileSystem, dir: string): boolean {
  mkdirSync(dir, { recursive: true });
  if (kind === "tmpfs") return mount(t, ["-t", "tmpfs", "tmpfs", dir]);
  const image = `${dir}.image`;
  writeFileSync(image, "");
  truncateSync(image, 320 << 20);
  const { status, stderr, error } = spawnSync(`mkfs.${kind}`, ["-q", image], { encoding: "utf8" });
  if (status === 0) return mount(t, ["-o", "loop", image, dir]);
  return skip(t, `mkfs.${kind}: ${error?.message ?? stderr}`);
}

/** Mounts what lies in one directory on another one too. */
export function bind(t: TestContext, from: string, dir: string): boolean {
  mkdirSync(dir, { recursive: true });
  return mount(t, ["--bind", from, dir]);
}

function mount(t: TestContext, args: readonly string[]): boolean {
  const { status, stderr, error } = spawnSync("mount", args, { encoding: "utf8" });
  if (status !== 0) return skip(t, `mount: ${error?.message ?? stderr}`);
  mounted.push(args.at(-1) as string);
  return true;
}

/** Where CI is root and has the tools, nothing else may fail. */
function skip(t: TestContext, why: string): false {
  if (process.env["CI"] !== undefined && /ENOENT/.test(why)) throw new Error(`CI must have it: ${why}`);
  t.skip(`needs root and loop devices: ${why.trim()}`);
  return false;
}
