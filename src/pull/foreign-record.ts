// SPDX-License-Identifier: Apache-2.0
import type { Digest, Json } from "../base/index.ts";
import { readKind } from "../image/index.ts";
import { type LayerPlan, planReaches } from "../layer/index.ts";
import type { InstalledPackage } from "../query/index.ts";
import type { PackWriter, Reaches, Store } from "../store/index.ts";

/** An image for one platform that was not built here, brought into the store. Kind of record "foreign/v1". */
export interface ForeignRecord {
  readonly kind: "foreign/v1";
  /** The manifest or index that was asked for (content). */
  readonly root: Digest;
  /** The manifest of the platform and its config (contents); `root` is the former where it is no index. */
  readonly manifest: Digest;
  readonly config: Digest;
  /** Bottom first. */
  readonly layers: readonly LayerPlan[];
  /** Tree: what the layers make, with the times they have there. */
  readonly flat: Digest;
  /** Content: the package that has each entry of `flat` by dpkg's lists, else "@base"; as `putOwnedTree` writes it. */
  readonly owners: Digest;
  /** Content: JSON array of `InstalledPackage`. */
  readonly packages: Digest;
  /** Where blobs that are not here can be had, e.g. `registry.example/team/app`; absent: all are here. */
  readonly origin?: string;
}

export function putForeignRecord(store: Store, record: ForeignRecord, pack?: PackWriter): Digest {
  return store.putRecord(record as unknown as Json, reachesOf(record), pack);
}

function reachesOf({ layers, root, manifest, config, flat, owners, packages }: ForeignRecord): Reaches {
  const { contents, trees } = planReaches(layers);
  return { contents: [...contents, root, manifest, config, owners, packages], trees: [...trees, flat] };
}

export function readForeignRecord(store: Store, digest: Digest): ForeignRecord {
  return readKind(store, digest, "foreign/v1") as ForeignRecord;
}

/** The packages that dpkg's database in the image says are installed, sorted by name, then architecture. */
export function installedIn(store: Store, { packages }: ForeignRecord): readonly InstalledPackage[] {
  return JSON.parse(Buffer.from(store.read(packages)).toString("utf8")) as readonly InstalledPackage[];
}
