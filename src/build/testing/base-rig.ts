// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { type Digest, isAshlarError, type Progress } from "../../base/index.ts";
import { type Image, type ImageIndex, sourceOf } from "../../oci/index.ts";
import { copyImage, openTarget } from "../../registry/index.ts";
import { memoryStore, type Store } from "../../store/index.ts";
import { type ForeignRecord, readForeignRecord } from "../../pull/index.ts";
import { openBase } from "../foreign-base.ts";

/** The directory of a spec. */
export const project = mkdtempSync(join(tmpdir(), "ashlar-base-"));
after(() => rmSync(project, { recursive: true, force: true }));

const step = { advance: () => {}, done: () => {} };
/** Says nothing to nobody. */
export const progress: Progress = { start: () => step, note: () => {}, warn: () => {}, log: () => {} };
let count = 0;

/** Writes an image to a new place of the project; returns `KIND:PATH`. */
export async function putImage(
  image: Image | ImageIndex,
  kind: "oci" | "oci-archive" | "docker-archive" = "oci",
): Promise<string> {
  const path = `place ${count++}`;
  const target = openTarget(kind, join(project, path));
  await copyImage(sourceOf(image), target, { tag: "sample:1" });
  await target.finish();
  return `${kind}:${path}`;
}

/** A base to open. */
export interface Wanted {
  readonly digest: Digest;
  readonly at?: string;
  readonly platform?: string;
  readonly store?: Store;
}

/** Brings a base into a store, a new one by default. */
export async function openFrom({
  digest,
  at,
  platform = "linux/amd64",
  store = memoryStore(),
}: Wanted): Promise<ForeignRecord> {
  const from = { name: "example.org/base", digest, ...(at !== undefined && { at }) };
  return readForeignRecord(store, await openBase({ store, projectDir: project, from, platform, progress }));
}

/** Expects an error with this code, and these words in its message or reasons. */
export function refuses(wanted: Wanted, code: string, words?: RegExp): Promise<void> {
  return assert.rejects(openFrom(wanted), (error) => {
    assert.ok(isAshlarError(error, code), String(error));
    if (words !== undefined) assert.match(`${error.message} ${error.because.join(" ")}`, words);
    return true;
  });
}
