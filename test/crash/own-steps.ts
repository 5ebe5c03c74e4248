// SPDX-License-Identifier: Apache-2.0
/** Steps that no command does by itself. */
import { chmodSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { AshlarError } from "../../src/base/index.ts";
import { readImageRecord } from "../../src/build/index.ts";
import { loadCompressor } from "../../src/formats/index.ts";
import { nameRef, readNamedRecord } from "../../src/image/index.ts";
import { openStore, type Store } from "../../src/store/index.ts";
import { changeProject, lockProject } from "./small-project.ts";

async function inStore(base: string, use: (store: Store) => void | Promise<void>): Promise<void> {
  const store = openStore(join(base, "store"), { compressor: await loadCompressor() });
  try {
    await use(store);
  } finally {
    store.close();
  }
}

/** As `ashlar lock`, in both projects. */
export async function lock(base: string): Promise<void> {
  await inStore(base, async (store) => {
    for (const name of ["project", "other"]) await lockProject(base, name, store);
  });
}

export async function removeStore(base: string): Promise<void> {
  rmSync(join(base, "store"), { recursive: true });
}

/** The user edits the spec; where that fails it is none of our errors. */
export async function change(base: string): Promise<void> {
  try {
    await changeProject(base);
  } catch (cause) {
    throw new AshlarError("EDIT_FAILED", "Cannot edit the spec", { cause });
  }
}

/** The lower directory of a sandbox. */
export async function keepRoot(base: string): Promise<void> {
  await inStore(base, (store) => {
    const record = readNamedRecord(store, store.getRef(nameRef("crash/small")) as never);
    const [image] = record.images;
    if (image !== undefined) store.keepCheckout(readImageRecord(store, image.record).flat);
  });
}

/** As a release before version 2 left it. */
export async function makeOlder(base: string): Promise<void> {
  writeFileSync(join(base, "store/format"), "ashlar store 1\n");
}

/** As `ashlar store fsck --full --repair`, which ends with 4 here: the name still needs what was damaged. */
export async function repair(base: string): Promise<void> {
  await inStore(base, (store) => void store.fsck({ full: true, repair: true }));
}

/** A flipped byte in the largest pack, in a link and in a plan. */
export async function damage(base: string): Promise<void> {
  for (const dir of ["packs", "links", "plans"]) flip(largestBelow(join(base, "store", dir)));
}

/** Links are symlinks too, and lead out of the store: none is followed. */
function largestBelow(dir: string): string {
  const paths = filesBelow(dir).sort();
  return paths.reduce((a, b) => (lstatSync(b).size > lstatSync(a).size ? b : a));
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

function flip(path: string): void {
  if (!path.includes("/ashlar-crash-")) throw new Error(`"${path}" is none of ours`);
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] as number) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
}
