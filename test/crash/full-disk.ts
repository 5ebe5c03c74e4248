// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  closeSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isSystemError } from "../../src/base/index.ts";
import type { Ref } from "../../src/store/index.ts";
import { sample } from "../../src/store/testing/sample.ts";
import { type Fixture, makeFixture } from "../fixture.ts";
import { type CommandEnded, runCommand } from "../run-command.ts";
import { makeDisk, makeMemoryDisk } from "./disks.ts";
import { withStore } from "../../src/store/testing/with-store.ts";

const image = "registry.example.com/fixture/web";
const mebibyte = 1 << 20;

/** A project outside of a small file system, and a store on it with nothing but downloads. */
export interface FullPlace {
  readonly kind: "ext4" | "tmpfs";
  readonly base: string;
  readonly dir: string;
  readonly store: string;
  readonly fixture: Fixture;
  /** `build --json` of a store that has room. */
  readonly built: unknown;
  remove(): void;
}

export async function makeFullPlace(kind: "ext4" | "tmpfs", mebibytes: number): Promise<FullPlace> {
  const base = mkdtempSync(join(tmpdir(), "ashlar-full-"));
  const fixture = await makeFixture();
  mkdirSync(join(base, "project"));
  fixture.writeProject(join(base, "project"));
  const roomy = { base, store: join(base, "roomy") };
  fixture.fillStore(roomy.store);
  const built = outOf(await build(roomy));
  await command(roomy, "copy", image, `oci:${base}/layout`);
  const disk = kind === "ext4" ? makeDisk(kind, base, mebibytes) : makeMemoryDisk(base, mebibytes * mebibyte);
  disk.mount();
  const remove = (): void => {
    disk.unmount();
    rmSync(base, { recursive: true, force: true });
  };
  return { kind, base, dir: disk.dir, store: join(disk.dir, "store"), fixture, built, remove };
}

type Place = Pick<FullPlace, "base" | "store">;

function command({ base, store }: Place, ...args: readonly string[]): Promise<CommandEnded> {
  return runCommand({ store, home: base }, args);
}

function build(place: Place): Promise<CommandEnded> {
  return command(place, "build", "project", "--frozen", "--offline", "--json", "--workers=1");
}

function outOf(ended: CommandEnded): unknown {
  assert.equal(ended.status, 0, ended.err);
  return (JSON.parse(ended.out) as { images: unknown }).images;
}

/** What is done on a disk that is nearly full. */
export const fullSteps = ["build", "import", "checkout", "copied", "gc", "repair", "rebuild"] as const;
export type FullStep = (typeof fullSteps)[number];

/**
 * Does a step with so many bytes left: it is done, or ends in an error that says what to do. Then, with room again,
 * nothing is lost, and the step is done. Returns "done" or the code of the error.
 */
export async function runFull(place: FullPlace, step: FullStep, freeBytes: number): Promise<string> {
  rmSync(place.store, { recursive: true, force: true });
  for (const name of ["root", "ballast"]) rmSync(join(place.dir, name), { recursive: true, force: true });
  place.fixture.fillStore(place.store);
  const before = step === "build" ? [] : await prepare(place);
  fill(place, freeBytes);
  const ended = await runStep(place, step);
  const code = ended.status === 0 ? "done" : verifyFull(ended, step);
  rmSync(join(place.dir, "ballast"));
  verifySound(place, before);
  place.fixture.fillStore(place.store);
  const again = await runStep(place, step);
  // What was made stays.
  if (step !== "checkout" && step !== "copied" || code !== "done") assert.equal(again.status, 0, again.err);
  assert.deepEqual(outOf(await build(place)), place.built);
  verifySound(place, before);
  return code;
}

async function prepare(place: FullPlace): Promise<readonly Ref[]> {
  outOf(await build(place));
  return withStore(place.store, (store) => {
    store.put(sample(1, 3 * mebibyte));
    return store.listRefs();
  });
}

/** Takes all bytes but some. */
function fill({ dir, kind }: FullPlace, freeBytes: number): void {
  const fd = openSync(join(dir, "ballast"), "wx");
  try {
    for (const size of [mebibyte, 4096, 1]) {
      const bytes = Buffer.alloc(size, "ballast");
      while (statfsSync(dir).bavail * statfsSync(dir).bsize - size >= freeBytes) {
        if (writeSync(fd, bytes) < size || (kind === "tmpfs" && size === 1)) break;
      }
    }
  } catch (error) {
    if (!isSystemError(error, "ENOSPC")) throw error;
  } finally {
    closeSync(fd);
  }
}

async function runStep(place: FullPlace, step: FullStep): Promise<CommandEnded> {
  const root = join(place.dir, "root");
  switch (step) {
    case "build":
      return build(place);
    case "rebuild":
      // As where the index was lost: all that was remembered is to be done again.
      rmSync(join(place.store, "index.sqlite"), { force: true });
      return build(place);
    case "import":
      return command(place, "import", `oci:${place.base}/layout`, "--name=example.com/imported");
    case "checkout":
      return command(place, "checkout", image, root, "--platform=linux/amd64");
    case "copied":
      return command(place, "checkout", image, root, "--platform=linux/amd64", "--copy");
    case "gc":
      return command(place, "store", "gc", "--grace=0");
    case "repair":
      return command(place, "store", "fsck", "--full", "--repair");
  }
}

/** The error is of ours, says that the disk is full and what helps. */
function verifyFull({ err, status }: CommandEnded, step: FullStep): string {
  const code = /^error\[(\w+)\]/m.exec(err)?.[1] ?? "";
  assert.match(code, /^STORE_|^FETCH_/, `${step} ended with ${status}: ${err}`);
  assert.match(err, /no space|ENOSPC/, err);
  assert.match(err, /^ *help: /m, `no hint: ${err}`);
  assert.doesNotMatch(err, /internal error| {4}at /, err);
  return code;
}

function verifySound({ store: dir }: FullPlace, before: readonly Ref[]): void {
  if (!existsSync(join(dir, "format"))) return;
  withStore(dir, (store) => {
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    const now = new Map(store.listRefs().map(({ name, target }) => [name, target]));
    for (const { name, target } of before) assert.equal(now.get(name), target, name);
  });
}

/** A pack whose contents the index does not know, and how many bytes are free then. */
interface Stray {
  readonly contents: number;
  readonly freeBytes: number;
}

const noStray: Stray = { contents: 0, freeBytes: 0 };

/** Fills a disk to the last byte behind a store with garbage, and collects that. Returns how much that gave back. */
export async function collectOnFull(place: FullPlace, stray = noStray): Promise<number> {
  rmSync(place.store, { recursive: true, force: true });
  rmSync(join(place.dir, "ballast"), { force: true });
  place.fixture.fillStore(place.store);
  const before = await prepare(place);
  rmSync(join(place.store, "downloads"), { recursive: true });
  if (stray.contents > 0) addStrayPack(place, stray.contents);
  fill(place, stray.freeBytes);
  const free = (): number => statfsSync(place.dir).bavail * statfsSync(place.dir).bsize;
  const [had, ended] = [free(), await command(place, "store", "gc", "--grace=0")];
  assert.equal(ended.status, 0, ended.err);
  const gained = free() - had;
  if (stray.contents > 0) {
    rmSync(join(place.dir, "ballast"));
    assert.equal(withStore(place.store, (store) => store.gc({}).removedContents), stray.contents);
  }
  verifySound(place, before);
  return gained;
}

/** A pack that the index does not know, because there was no room for its rows when it was committed. */
function addStrayPack({ base, store: dir }: FullPlace, contents: number): void {
  const elsewhere = join(base, "elsewhere");
  withStore(elsewhere, (store) => {
    const pack = store.beginPack();
    for (let i = 0; i < contents; i++) pack.put(Buffer.from(`stray content ${i}`));
    pack.commit();
  });
  cpSync(join(elsewhere, "packs"), join(dir, "packs"), { recursive: true });
  rmSync(elsewhere, { recursive: true });
}
