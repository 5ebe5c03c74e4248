// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

import { AshlarError, byText, type ImagePath, limits, nameFromBytes, parsePath, pathToBytes } from "../base/index.ts";
import { statusStanza } from "../debian/index.ts";
import type { FileEntry } from "../formats/index.ts";
import { type Contents, packageId, type UnpackedPackage } from "./content.ts";
import { fileEntry } from "./generated-entry.ts";
import type { OwnedEntry, OwnedTree } from "./merge-trees.ts";
import { finalPath, type RootLayout } from "./normalize-package.ts";
import { plainDirectory } from "./parents.ts";

const statusDir = "var/lib/dpkg/status.d";

export interface DpkgStatusOptions {
  readonly layout: RootLayout;
  readonly contents: Contents;
}

/**
 * What scanners read in an image without dpkg's database: for each package `status.d/NAME`, its control
 * stanza with `Status: install ok installed` and its conffiles, and `status.d/NAME.md5sums` with those of its
 * files that are in the image, by the paths they have there. A second architecture of a package is
 * `NAME:ARCH`. Packages that are only data are not listed.
 */
export function dpkgStatus(
  packages: readonly UnpackedPackage[],
  owned: OwnedTree,
  options: DpkgStatusOptions,
): readonly OwnedEntry[] {
  const installed = packages.filter(({ locked }) => locked.use === "install");
  if (installed.length === 0) return [];
  const files = new Map<ImagePath, FileEntry>();
  for (const entry of owned.tree) if (entry.type === "file") files.set(entry.path, entry);
  const out: OwnedEntry[] = [];
  const names = new Set<string>();
  for (const item of [...installed].sort(byText(({ locked }) => packageId(locked)))) {
    const name = names.has(item.locked.name) ? packageId(item.locked) : item.locked.name;
    names.add(item.locked.name);
    out.push(...describe(item, name, { ...options, files, owners: owned.owners }));
  }
  return [{ entry: plainDirectory(statusDir as ImagePath), owner: "@dpkg-status" }, ...out];
}

interface Describing extends DpkgStatusOptions {
  readonly files: ReadonlyMap<ImagePath, FileEntry>;
  readonly owners: ReadonlyMap<ImagePath, string>;
}

function describe(item: UnpackedPackage, name: string, describing: Describing): readonly OwnedEntry[] {
  const { contents } = describing;
  const owner = packageId(item.locked);
  const own = (path: ImagePath): FileEntry | undefined => {
    return describing.owners.get(path) === owner ? describing.files.get(path) : undefined;
  };
  const status = statusText(item, conffilesOf(item, own, describing), contents);
  const md5sums = md5sumsOf(item, own, describing);
  const path = (suffix: string): ImagePath => parsePath(`${statusDir}/${name}${suffix}`);
  return [
    { entry: fileEntry(path(""), Buffer.from(status, "utf8"), contents), owner },
    { entry: fileEntry(path(".md5sums"), Buffer.from(md5sums, "latin1"), contents), owner },
  ];
}

function statusText(item: UnpackedPackage, conffiles: readonly string[], contents: Contents): string {
  const control = textOf(item, "control", contents, "utf8");
  const text = statusStanza(control, { status: "install ok installed", conffiles });
  if (text === undefined) throw invalid(item, "control", "it has no stanza");
  return text;
}

/** Lines of the field Conffiles as dpkg writes them: path as in the package, md5 of what was unpacked. */
function conffilesOf(
  item: UnpackedPackage,
  own: (path: ImagePath) => FileEntry | undefined,
  { contents, layout }: Describing,
): readonly string[] {
  if (!item.control.has("conffiles")) return [];
  const lines: string[] = [];
  for (const line of textOf(item, "conffiles", contents, "utf8").split("\n")) {
    // A line may start with a flag: `remove-on-upgrade /etc/x` (deb-conffiles(5)); such a file is not there.
    if (!line.startsWith("/")) continue;
    const file = own(finalPath(parsePath(line.trimEnd()), layout));
    if (file === undefined) continue;
    lines.push(` ${line.trimEnd()} ${createHash("md5").update(contents.read(file.content)).digest("hex")}`);
  }
  return lines;
}

function md5sumsOf(
  item: UnpackedPackage,
  own: (path: ImagePath) => FileEntry | undefined,
  { contents, layout }: Describing,
): string {
  if (!item.control.has("md5sums")) return "";
  const lines: string[] = [];
  for (const line of textOf(item, "md5sums", contents, "latin1").split("\n")) {
    const match = /^([0-9a-f]{32}) [ *](.+)$/.exec(line);
    if (match === null) continue;
    const path = finalPath(parsePath(nameFromBytes(Buffer.from(match[2] as string, "latin1"))), layout);
    if (own(path) !== undefined) lines.push(`${match[1]}  ${pathToBytes(path).toString("latin1")}`);
  }
  return lines.map((line) => `${line}\n`).join("");
}

function textOf(item: UnpackedPackage, file: string, contents: Contents, encoding: "utf8" | "latin1"): string {
  const digest = item.control.get(file);
  if (digest === undefined) throw invalid(item, file, "the package has none");
  const bytes = contents.read(digest);
  if (bytes.length > limits.textBytesMax)
    throw invalid(item, file, `${bytes.length} bytes, at most ${limits.textBytesMax}`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(encoding);
}

function invalid({ locked }: UnpackedPackage, file: string, fault: string): AshlarError {
  const message = `Cannot read "${file}" of package "${locked.name}" ${locked.version}: ${fault}`;
  return new AshlarError("ASSEMBLE_PACKAGE_INVALID", message);
}
