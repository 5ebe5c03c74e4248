// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";

import { loadCompressor } from "../../src/formats/index.ts";
import { openStore } from "../../src/store/index.ts";
import { randomOf } from "../../src/store/testing/random-tree.ts";
import { type Fixture, makeFixture } from "../fixture.ts";
import { runCommand } from "../run-command.ts";
import { copyDisk, type Disk, makeDisk } from "./disks.ts";
import { buildState, type Promised, writeState } from "./power-child.ts";

export type PowerKind = "ext4" | "xfs";

/** A project, what its states are built to, and disks with a store to start from: an empty and a used one. */
export interface PowerPlace {
  readonly base: string;
  readonly kind: PowerKind;
  readonly fixture: Fixture;
  /** Digests by state. */
  readonly built: ReadonlyMap<number, readonly string[]>;
  remove(): void;
}

const states = [0, 1, 2];

export async function makePowerPlace(kind: PowerKind): Promise<PowerPlace> {
  const base = mkdtempSync(join(tmpdir(), "ashlar-power-"));
  const fixture = await makeFixture();
  mkdirSync(join(base, "project"));
  fixture.writeProject(join(base, "project"));
  const disk = makeDisk(kind, join(base, "empty"), kind === "xfs" ? 320 : 96);
  const store = join(disk.dir, "store");
  disk.mount();
  fixture.fillStore(store);
  disk.unmount();
  const used = copyDisk(kind, { from: join(base, "empty"), to: join(base, "used") });
  const built = new Map<number, readonly string[]>();
  used.mount();
  for (const state of states.toReversed()) {
    writeState(base, state);
    built.set(state, await buildState(base, join(used.dir, "store")));
  }
  const image = "registry.example.com/fixture/web";
  const home = { store: join(used.dir, "store"), home: base };
  const copied = await runCommand(home, ["copy", image, `oci:${base}/layout`]);
  assert.equal(copied.status, 0, copied.err);
  // The next opening brings it up.
  writeFileSync(join(used.dir, "store/format"), "ashlar store 1\n");
  used.unmount();
  return { base, kind, fixture, built, remove: () => rmSync(base, { recursive: true, force: true }) };
}

/** When the power goes: so long after the start, or as soon as this many results were reported. */
type Cut = { readonly afterMs: number } | { readonly afterResults: number };

function cutOf(seed: number): Cut {
  const random = randomOf(seed);
  random(2);
  return seed % 2 === 0 ? { afterResults: random(10) } : { afterMs: random(6000) };
}

/** Cuts the power of a store at work, then proves what it had promised. Returns what was done in words. */
export async function losePower(place: PowerPlace, seed: number): Promise<string> {
  const { base, kind } = place;
  const from = join(base, seed % 4 < 2 ? "empty" : "used");
  const disk = copyDisk(kind, { from, to: join(base, "disk") });
  const cut = cutOf(seed);
  const words = `seed ${seed}, ${from.endsWith("used") ? "used" : "empty"} store on ${kind}, ${JSON.stringify(cut)}`;
  try {
    const promised = await whileMounted(disk, () => cutWhile(place, disk, cut));
    await whileMounted(disk, () => verifyPromised(place, join(disk.dir, "store"), promised));
    disk.verify();
    return `${words}: ${promised === undefined ? "nothing" : `${promised.refs.length} names`} promised`;
  } catch (cause) {
    throw new Error(`${words}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  } finally {
    rmSync(join(base, "disk"), { recursive: true, force: true });
  }
}

async function whileMounted<T>(disk: Disk, use: () => Promise<T>): Promise<T> {
  disk.mount();
  try {
    return await use();
  } finally {
    disk.unmount();
  }
}

/** Returns the last that was reported before the cut. */
async function cutWhile({ base }: PowerPlace, disk: Disk, cut: Cut): Promise<Promised | undefined> {
  const script = join(import.meta.dirname, "power-child.ts");
  const args = ["--disable-warning=ExperimentalWarning", script, base, join(disk.dir, "store")];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => void (said += String(text)));
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  let results = 0;
  let promised: Promised | undefined;
  let isCut = false;
  const cutNow = (): void => {
    if (isCut) return;
    isCut = true;
    disk.cutPower();
    child.kill("SIGKILL");
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (isCut) break;
    if (line === "ready") {
      if ("afterMs" in cut) setTimeout(cutNow, cut.afterMs).unref();
      continue;
    }
    promised = JSON.parse(line) as Promised;
    if ("afterResults" in cut && ++results > cut.afterResults) cutNow();
  }
  const isDone = !isCut;
  cutNow();
  await ended;
  if (isDone && said !== "") throw new Error(`the process ended by itself: ${said}`);
  return promised;
}

async function verifyPromised(place: PowerPlace, dir: string, promised: Promised | undefined): Promise<void> {
  beAnotherBoot(dir);
  const store = openStore(dir, { compressor: await loadCompressor(), onRecover: () => {} });
  try {
    for (const [name, target] of promised?.refs ?? []) assert.equal(store.getRef(name), target, `ref "${name}"`);
    for (const name of promised?.gone ?? []) assert.equal(store.getRef(name), undefined, `ref "${name}"`);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  } finally {
    store.close();
  }
  const { base, built, fixture } = place;
  const state = promised?.state ?? 0;
  if (promised !== undefined && promised.built.length > 0) assert.deepEqual(promised.built, built.get(state));
  // Garbage collection took the downloads, and an unsynced index may have lost what was made of them.
  fixture.fillStore(dir);
  writeState(base, state);
  assert.deepEqual(await buildState(base, dir), built.get(state), "the next build");
  const again = openStore(dir);
  assert.deepEqual(again.fsck({ full: true }).faults, [], "after the next build");
  again.close();
}

/** The kernel of this machine goes on; the store is told that it is another one. */
function beAnotherBoot(dir: string): void {
  let index: DatabaseSync | undefined;
  try {
    index = new DatabaseSync(join(dir, "index.sqlite"));
    index.exec("UPDATE meta SET value = 'another boot' WHERE name = 'boot'");
  } catch {
    // There is none yet, or none that is whole: the store finds that out by itself.
  } finally {
    index?.close();
  }
  rmSync(join(dir, "boot"), { force: true });
}

