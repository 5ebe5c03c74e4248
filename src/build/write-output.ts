// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from "node:fs";

import { AshlarError } from "../base/index.ts";
import type { LayerSpool } from "../layer/index.ts";
import { copyImage, openTarget, type TargetKind } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { type NamedRecord, readStoredImage } from "./record.ts";
import { storeSource } from "./store-source.ts";

/** Where an image is to go beside the store. */
export interface Output {
  readonly kind: TargetKind | "rootfs";
  readonly path: string;
  readonly tag?: string | undefined;
}

/** Writes an image of the store to a place on disk. Throws what the place throws, and `BUILD_OUTPUT_TAKEN`. */
export async function writeOutput(
  store: Store,
  record: NamedRecord,
  output: Output & { readonly spool?: LayerSpool | undefined },
): Promise<void> {
  if (output.kind === "rootfs") return writeRoot(store, record, output.path);
  const target = openTarget(output.kind, output.path);
  try {
    await copyImage(storeSource(store, record, { spool: output.spool }), target, {
      tag: output.tag ?? defaultTag(record, output.kind),
    });
    await target.finish();
  } catch (error) {
    await target.abort();
    throw error;
  }
}

/** docker's archives name images whole; in a layout a tag alone is usual. */
function defaultTag(record: NamedRecord, kind: TargetKind): string {
  return kind === "docker-archive" ? `${record.name}:latest` : "latest";
}

function writeRoot(store: Store, record: NamedRecord, path: string): void {
  if (existsSync(path) && readdirSync(path).length > 0) {
    const hint = "name a directory that is empty or not there";
    throw new AshlarError(
      "BUILD_OUTPUT_TAKEN",
      `Cannot write root file system to "${path}": it is not empty`,
      { hint },
    );
  }
  const [image, ...others] = record.images;
  if (image === undefined || others.length > 0) {
    const hint = "choose one with --platform";
    throw new AshlarError(
      "USAGE_PLATFORM",
      `Cannot write "${record.name}" as one root file system: it has several platforms`,
      { hint },
    );
  }
  store.checkout(store.readTree(readStoredImage(store, image.record).flat), path, { mode: "copy" });
}
