// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { linkSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadCompressor, makeTree } from "../../src/formats/index.ts";
import { openStore } from "../../src/store/index.ts";
import { describeDir } from "../../src/store/testing/random-tree.ts";
import { fileEntry } from "../../src/store/testing/sample.ts";
import { type Fixture, makeFixture } from "../fixture.ts";
import { runCommand } from "../run-command.ts";
import { makeDisk, makeMemoryDisk } from "./disks.ts";

export const fileSystems = ["ext4", "ext4-1k", "xfs", "btrfs", "tmpfs", "overlay"] as const;
export type FileSystem = (typeof fileSystems)[number];

const image = "registry.example.com/fixture/web";

/** Where a life of a store can be led: the fixture, and what must come out of it. */
export interface Life {
  readonly fixture: Fixture;
  /** The result of each step, as it was on the first file system. */
  readonly results: Map<string, unknown>;
}

export async function makeLife(): Promise<Life> {
  return { fixture: await makeFixture(), results: new Map() };
}

/**
 * Builds, checks out by links and to another file system, updates, collects garbage and proves a store on a new file
 * system. All results are equal on all of them.
 */
export async function liveOn(life: Life, kind: FileSystem): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), "ashlar-life-"));
  const elsewhere = mkdtempSync(join(tmpdir(), "ashlar-life-"));
  const unmount = mountAt(kind, base);
  try {
    await lead(life, join(base, "mounted"), elsewhere);
  } finally {
    unmount();
    for (const dir of [base, elsewhere]) rmSync(dir, { recursive: true, force: true });
  }
}

function mountAt(kind: FileSystem, base: string): () => void {
  if (kind === "overlay") return mountOverlay(base);
  const disk = kind === "tmpfs" ? makeMemoryDisk(base, 320 << 20) : diskOf(kind, base);
  disk.mount();
  return () => disk.unmount();
}

function diskOf(kind: Exclude<FileSystem, "tmpfs" | "overlay">, base: string): ReturnType<typeof makeDisk> {
  return kind === "ext4-1k" ? makeDisk("ext4", base, 320, ["-b", "1024"]) : makeDisk(kind, base, 320);
}

/** An overlay cannot lie on another: all is on a disk in memory. */
function mountOverlay(base: string): () => void {
  const disk = makeMemoryDisk(join(base, "below"), 320 << 20);
  disk.mount();
  const [lower, upper, work] = ["lower", "upper", "work"].map((name) => join(disk.dir, name)) as string[];
  const merged = join(base, "mounted");
  for (const made of [lower, upper, work, merged]) mkdirSync(made as string, { recursive: true });
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const args = ["-t", "overlay", "-o", options, "overlay", merged];
  const { status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return () => {
    assert.equal(spawnSync("umount", [merged]).status, 0);
    disk.unmount();
  };
}

async function lead({ fixture, results }: Life, dir: string, elsewhere: string): Promise<void> {
  const place = { store: join(dir, "store"), home: dir };
  mkdirSync(join(dir, "project"));
  fixture.writeProject(join(dir, "project"));
  fixture.fillStore(place.store);
  const run = async (...args: string[]): Promise<string> => {
    const ended = await runCommand(place, args);
    assert.equal(ended.status, 0, `${args.join(" ")}: ${ended.err}`);
    return ended.out;
  };
  const same = (name: string, result: unknown): void => {
    if (!results.has(name)) results.set(name, result);
    assert.deepEqual(result, results.get(name), name);
  };
  const digests = async (): Promise<unknown> =>
    (JSON.parse(await run("build", "project", "--frozen", "--offline", "--json")) as { images: unknown }).images;
  const checkOut = async (name: string, to: string, nlink: number, ...more: string[]): Promise<void> => {
    await run("checkout", image, to, "--platform=linux/amd64", ...more);
    same(name, describeDir(to));
    assert.equal(lstatSync(join(to, "usr/share/data/large")).nlink, nlink, `${name}: links`);
  };
  same("built", await digests());
  await checkOut("root", join(dir, "root"), 2);
  await checkOut("root", join(elsewhere, "root"), 1);
  writeFileSync(join(dir, "project/site/index.html"), "changed\n");
  same("built again", await digests());
  await checkOut("updated", join(dir, "root"), 2, "--update");
  await checkOut("updated", join(elsewhere, "root"), 1, "--update");
  await run("store", "gc", "--prune");
  await run("store", "fsck", "--full");
  same("built after gc", await digests());
  await checkOut("updated", join(dir, "fresh"), 3);
  const store = openStore(place.store);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.close();
}

/**
 * Checks out one content by links until it has more names than ext4 allows for one inode, which is 65,000. Returns what
 * was made in words.
 */
export async function linkBeyondLimit(checkouts = 100, namesMax = 65_000): Promise<string> {
  const base = mkdtempSync(join(tmpdir(), "ashlar-links-"));
  const disk = makeDisk("ext4", base, 400);
  disk.mount();
  const store = openStore(join(disk.dir, "store"), { compressor: await loadCompressor() });
  try {
    const digest = store.putTree(makeTree([fileEntry(store, "f", Buffer.from("linked"))]));
    const checkOut = (root: number): string => {
      const dir = join(disk.dir, "roots", String(root));
      store.checkout(digest, dir, { mode: "link" });
      return join(dir, "f");
    };
    const first = checkOut(0);
    const names = join(disk.dir, "names");
    mkdirSync(names);
    for (let i = lstatSync(first).nlink; i < namesMax - checkouts / 2; i++) linkSync(first, join(names, String(i)));
    const inodes = new Map<number, number>();
    for (let root = 1; root <= checkouts; root++) {
      const { ino } = lstatSync(checkOut(root));
      inodes.set(ino, (inodes.get(ino) ?? 0) + 1);
    }
    assert.deepEqual([...inodes.values()], [checkouts / 2, checkouts / 2]);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    return `ext4: ${namesMax + checkouts / 2} links to one content, ${inodes.size} inodes`;
  } finally {
    store.close();
    disk.unmount();
    rmSync(base, { recursive: true, force: true });
  }
}
