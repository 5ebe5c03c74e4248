// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { type Digest, digestOf, hexOf } from "../../src/base/index.ts";
import { parseManifest } from "../../src/oci/index.ts";
import { openStore } from "../../src/store/index.ts";
import { describeDisk } from "../long/disk-tree.ts";

/** What a user can see, by name: refs, images outside the store, checkouts, locks, adopted directories. */
export type Facts = ReadonlyMap<string, string>;

/** Directories that commands fill: in the middle they may hold a part. */
export const checkoutNames = ["linked", "copied"];

/** Looks at everything that a step could have reported done. */
export async function readFacts(base: string): Promise<Facts> {
  const facts = new Map<string, string>();
  if (existsSync(join(base, "store"))) addStore(facts, join(base, "store"));
  for (const name of checkoutNames) {
    if (existsSync(join(base, name))) facts.set(name, describeDisk(join(base, name)).join("\n"));
  }
  for (const name of ["project", "other"]) {
    const path = join(base, name, "ashlar.lock");
    if (existsSync(path)) facts.set(`lock of ${name}`, readFileSync(path, "utf8"));
  }
  if (existsSync(join(base, "out/index.json"))) facts.set("out", readLayout(join(base, "out")));
  return facts;
}

function addStore(facts: Map<string, string>, dir: string): void {
  const store = openStore(dir);
  try {
    for (const { name, target } of store.listRefs()) facts.set(`ref ${name}`, target);
    for (const { dir: adopted, files, bytes } of store.adopted.list()) {
      facts.set(`adopted ${adopted}`, `${files} ${bytes}`);
    }
  } finally {
    store.close();
  }
}

/** An OCI layout's images; each blob they are made of must be there and have its digest. */
function readLayout(dir: string): string {
  const read = (digest: Digest): Uint8Array => {
    const bytes = readFileSync(join(dir, "blobs/sha256", hexOf(digest)));
    if (digestOf(bytes) !== digest) throw new Error(`blob ${digest} is damaged`);
    return bytes;
  };
  const index = JSON.parse(readFileSync(join(dir, "index.json"), "utf8")) as { manifests: { digest: Digest }[] };
  for (const { digest } of index.manifests) {
    const { config, layers } = parseManifest(read(digest));
    for (const blob of [config, ...layers]) read(blob.digest);
  }
  return index.manifests.map(({ digest }) => digest).join(" ");
}
