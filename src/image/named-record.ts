// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Store } from "../store/index.ts";
import { readKind } from "./record-kind.ts";

/** An image of one or several platforms; what a ref points to. Kind of record "named/v1". */
export interface NamedRecord {
  readonly kind: "named/v1";
  readonly name: string;
  /** The manifest of the only platform, or the index (contents). What `name@digest` says. */
  readonly digest: Digest;
  readonly images: readonly { readonly platform: string; readonly record: Digest }[];
}

export function readNamedRecord(store: Store, digest: Digest): NamedRecord {
  return readKind(store, digest, "named/v1") as NamedRecord;
}

/** What an image of either kind, built here or brought from elsewhere, says of its root: reading it needs no more. */
export interface StoredRoot {
  /** Tree: the flat root file system. */
  readonly flat: Digest;
  readonly manifest: Digest;
}

/** Reads that of a record that a named one points to. */
export function readStoredRoot(store: Store, digest: Digest): StoredRoot {
  const { flat, manifest } = store.readRecord(digest).value as unknown as StoredRoot;
  return { flat, manifest };
}

/** Refs of this prefix are images. */
export const imageRefPrefix = "image/";

/** The ref of a name: what it points to now. */
export function nameRef(name: string): string {
  return `${imageRefPrefix}${name}`;
}

/** The ref that keeps one build of a name. */
export function digestRef(name: string, digest: Digest): string {
  return `${imageRefPrefix}${name}@${digest}`;
}
