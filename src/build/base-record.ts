// SPDX-License-Identifier: Apache-2.0
import type { ContentFacts } from "../assemble/index.ts";
import type { Digest, Json } from "../base/index.ts";
import { type ForeignPlan, planReaches } from "../layer/index.ts";
import type { InstalledPackage } from "../query/index.ts";
import type { PackWriter, Reaches, Store } from "../store/index.ts";
import { readKind } from "./record.ts";

/** A foreign image for one platform, brought into the store. Kind of record "base/v1". */
export interface BaseRecord {
  readonly kind: "base/v1";
  /** The manifest or index that the spec names (content). */
  readonly root: Digest;
  /** The manifest of the platform and its config (contents); `root` is the former where it is no index. */
  readonly manifest: Digest;
  readonly config: Digest;
  /** Bottom first. */
  readonly layers: readonly ForeignPlan[];
  /** Tree: what the layers make, with the times they have there. */
  readonly flat: Digest;
  /** Content: JSON object, path to the package that has it by dpkg's lists, else "@base". */
  readonly owners: Digest;
  /** Content: JSON array of `InstalledPackage`. */
  readonly packages: Digest;
  /** Content: JSON object, content to `ContentFacts`; only ELF files and scripts. */
  readonly facts: Digest;
}

export function putBaseRecord(store: Store, record: BaseRecord, pack?: PackWriter): Digest {
  return store.putRecord(record as unknown as Json, reachesOf(record), pack);
}

function reachesOf({ layers, root, manifest, config, flat, owners, packages, facts }: BaseRecord): Reaches {
  const { contents } = planReaches(layers);
  return { contents: [...contents, root, manifest, config, owners, packages, facts], trees: [flat] };
}

export function readBaseRecord(store: Store, digest: Digest): BaseRecord {
  return readKind(store, digest, "base/v1") as BaseRecord;
}

/** The packages that dpkg's database in the base says are installed, sorted by name, then architecture. */
export function installedIn(store: Store, { packages }: BaseRecord): readonly InstalledPackage[] {
  return readJson(store, packages) as readonly InstalledPackage[];
}

/** What the base's contents say of themselves, as `factsOf` for packages. */
export function factsIn(store: Store, { facts }: BaseRecord): Map<Digest, ContentFacts> {
  return new Map(
    Object.entries(readJson(store, facts) as Record<Digest, ContentFacts>) as [Digest, ContentFacts][],
  );
}

function readJson(store: Store, digest: Digest): unknown {
  return JSON.parse(Buffer.from(store.read(digest)).toString("utf8"));
}
