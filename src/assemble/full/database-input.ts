// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, parsePath } from "../../base/index.ts";
import type { Entry } from "../../formats/index.ts";
import type { Contents } from "../content.ts";
import type { DescribedPackage } from "./describe-package.ts";
import type { PackageOf } from "./lay-files.ts";

/** dpkg's own directory in a root. */
export const adminDir = "var/lib/dpkg";
/** Who owns what of the database belongs to no package. */
export const databaseOwner = "@dpkg";

/** What dpkg's database is made of. */
export interface DatabaseInput {
  /** Entries of the root before, by path: its database is read. */
  readonly before: ReadonlyMap<ImagePath, Entry>;
  /** Entries with the new packages' files. */
  readonly after: ReadonlyMap<ImagePath, Entry>;
  /** In the order of unpacking. */
  readonly packages: readonly DescribedPackage[];
  /** By package id, places of files that went to another package (`LaidRoot`). */
  readonly replaced: ReadonlyMap<string, ReadonlySet<ImagePath>>;
  readonly packageOf: PackageOf;
  readonly contents: Contents;
  /** The root's own, as Debian names it. */
  readonly architecture: string;
}

/** A file of the database before, as latin1 text; empty where there is none. */
export function readText({ before, contents }: DatabaseInput, name: string): string {
  const entry = before.get(parsePath(`${adminDir}/${name}`));
  return entry?.type === "file" ? Buffer.from(contents.read(entry.content)).toString("latin1") : "";
}
