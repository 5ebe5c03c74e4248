// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { type Digest, digestOf, hexOf } from "../../src/base/index.ts";
import { type Ref, type Store, openStore } from "../../src/store/index.ts";
import { describeDir } from "../../src/store/testing/random-tree.ts";
import { makeFixture } from "../fixture.ts";
import { type CommandEnded, runCommand } from "../run-command.ts";

/** A directory with a project, a store in which it was built, and a checkout; it can be had again as it was. */
export interface DamagePlace {
  readonly base: string;
  readonly store: string;
  /** What a sound store answers. */
  readonly sound: Sound;
  /** Puts everything back. */
  reset(rest: Rest): void;
  remove(): void;
}

export interface Sound {
  readonly refs: readonly Ref[];
  /** By digest, the digests of what `readFrames` gives. */
  readonly frames: ReadonlyMap<Digest, Digest>;
  /** Names and digests of the images, as `build --json` says them. */
  readonly built: unknown;
  /** The image "web" as a layout: path and digest of each file. */
  readonly layout: readonly string[];
  /** The image "web" checked out. */
  readonly root: readonly string[];
  /** Digests of the rows of each database, at rest and open. */
  readonly rows: Readonly<Record<Rest, ReadonlyMap<string, string>>>;
}

/** `open`: as a process left it that was killed, with logs of databases not written back. */
export type Rest = "closed" | "open";

export const imageName = "registry.example.com/fixture/web";

/** Builds the fixture, checks it out, adopts files and keeps a root. */
export async function makeDamagePlace(): Promise<DamagePlace> {
  // What is damaged here is not the disk's doing, and syncing is what would take the time.
  const below = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const all = mkdtempSync(join(below, "ashlar-damage-"));
  const base = join(all, "place");
  const store = join(base, "store");
  const fixture = await makeFixture();
  mkdirSync(join(base, "project"), { recursive: true });
  fixture.writeProject(join(base, "project"));
  fixture.fillStore(store);
  adoptSome(base);
  const built = await buildAgain(base);
  if (typeof built === "string") throw new Error(built);
  await run(base, "checkout", imageName, "linked", "--platform=linux/amd64");
  fillOpen(store, all);
  const layout = await exportAgain(base);
  const root = await checkOutAgain(base);
  const opened = openStore(store);
  const [refs, digests] = [opened.listRefs(), contentsOf(opened)];
  const frames = new Map(digests.map((digest) => [digest, digestOf(opened.readFrames(digest))]));
  opened.close();
  const reset = (rest: Rest): void => {
    rmSync(base, { recursive: true, force: true });
    copyAll(join(all, rest), base);
  };
  const rowsAt = (rest: Rest): Map<string, string> => (reset(rest), rowsOf(store));
  const sound: Sound = {
    refs,
    frames,
    built,
    layout: layout as readonly string[],
    root: root as readonly string[],
    rows: { closed: rowsAt("closed"), open: rowsAt("open") },
  };
  return {
    base,
    store,
    sound,
    reset,
    remove: () => rmSync(all, { recursive: true, force: true }),
  };
}

function adoptSome(base: string): void {
  const host = join(base, "host");
  mkdirSync(host);
  for (const name of ["a", "b", "c"]) writeFileSync(join(host, name), `file ${name} of the host`);
  const opened = openStore(join(base, "store"));
  opened.adopted.add(host);
  opened.close();
}

/** Keeps two copies: one of a store at rest, one of a store that is open and was written to. */
function fillOpen(dir: string, all: string): void {
  copyAll(join(all, "place"), join(all, "closed"));
  const opened = openStore(dir);
  for (const { name, target } of opened.listRefs()) {
    if (/@/.test(name)) continue;
    opened.setRef(name, target, opened.getRefOrigin(name));
    opened.keepCheckout((opened.readRecord(target).reaches.trees ?? [treeIn(opened, target)])[0] as Digest);
  }
  opened.putAction({ operation: "test", version: 1, inputs: [], parameters: 1 }, { value: 1, reaches: {} });
  copyAll(join(all, "place"), join(all, "open"));
  opened.close();
}

/** The first tree that a record reaches through others. */
function treeIn(store: Store, record: Digest): Digest {
  const { trees, records } = store.readRecord(record).reaches;
  return trees?.[0] ?? treeIn(store, records?.[0] as Digest);
}

function copyAll(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["-a", from, to], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

async function run(base: string, ...args: readonly string[]): Promise<CommandEnded> {
  return runCommand({ store: join(base, "store"), home: base }, args);
}

/** What each of these gives, or the line of an error of ours in which it ended. */
type Answer<T> = Promise<T | string>;

export async function buildAgain(base: string): Answer<unknown> {
  const ended = await run(base, "build", "project", "--frozen", "--offline", "--json");
  return ended.status === 0 ? (JSON.parse(ended.out) as { images: unknown }).images : errorOf(ended);
}

/** The image as a layout: it is composed of frames. */
export async function exportAgain(base: string): Answer<readonly string[]> {
  const out = join(base, "layout");
  rmSync(out, { recursive: true, force: true });
  const ended = await run(base, "copy", imageName, `oci:${out}`);
  if (ended.status !== 0) return errorOf(ended);
  const names = readdirSync(join(out, "blobs/sha256")).sort();
  const blobs = names.map((name) => [name, hexOf(digestOf(readFileSync(join(out, "blobs/sha256", name))))]);
  for (const [name, hex] of blobs) if (name !== hex) throw new Error(`wrong bytes got out: blob ${name} is ${hex}`);
  return [...names, readFileSync(join(out, "index.json"), "utf8")];
}

export async function checkOutAgain(base: string): Answer<readonly string[]> {
  const out = join(base, "copied");
  rmSync(out, { recursive: true, force: true });
  const ended = await run(base, "checkout", imageName, out, "--platform=linux/amd64", "--copy");
  return ended.status === 0 ? describeDir(out) : errorOf(ended);
}

function errorOf({ status, err }: CommandEnded): string {
  const line = err.split("\n").find((one) => one.startsWith("error[")) ?? "";
  if (line === "") throw new Error(`ended with ${status} and no error of ours: ${err}`);
  return line;
}

export function contentsOf(store: Store): Digest[] {
  return [..."0123456789abcdef"].flatMap((digit) => store.withPrefix(digit));
}

const databases = ["index.sqlite", "refs.sqlite", "adopted.sqlite"];

/** Digests of the rows of each database of a store; the error where it cannot be read. */
export function rowsOf(store: string): Map<string, string> {
  return new Map(databases.map((name) => [name, rowsIn(join(store, name))]));
}

function rowsIn(path: string): string {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
      const rowsOfTable = (name: unknown): unknown =>
        database.prepare(`SELECT * FROM "${String(name)}"`).all().map((row) => Object.values(row).map(textOf));
      return digestOf(JSON.stringify(tables.map(({ name }) => [name, rowsOfTable(name)])));
    } finally {
      database.close();
    }
  } catch (error) {
    return String(error);
  }
}

function textOf(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
