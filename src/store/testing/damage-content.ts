// SPDX-License-Identifier: Apache-2.0
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { digestOf } from "../../base/index.ts";
import type { Store } from "../store.ts";

/** Flips a bit in the stored frame of a content of the store in `dir`; returns the path of the pack where it lies. */
export function damageContent(dir: string, store: Store, content: Uint8Array | string): string {
  const frame = Buffer.from(store.readFrames(digestOf(content)));
  const packs = readdirSync(join(dir, "packs"), { recursive: true, encoding: "utf8" });
  for (const path of packs.filter((name) => name.endsWith(".pack")).map((name) => join(dir, "packs", name))) {
    const bytes = readFileSync(path);
    const at = bytes.indexOf(frame);
    if (at < 0) continue;
    bytes[at + frame.length - 1] = (bytes[at + frame.length - 1] as number) ^ 1;
    chmodSync(path, 0o600);
    writeFileSync(path, bytes);
    return path;
  }
  throw new Error("no pack has it");
}
