// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

import { type ImagePath, nameFromBytes, parsePath, pathToBytes } from "../../base/index.ts";
import type { Entry } from "../../formats/index.ts";
import type { Contents } from "../content.ts";
import { fileEntry } from "../generated-entry.ts";
import type { OwnedEntry } from "../merge-trees.ts";
import { type DescribedPackage, placeOf } from "./describe-package.ts";
import { adminDir, type DatabaseInput } from "./database-input.ts";

const scripts = new Set(["preinst", "postinst", "prerm", "postrm", "config"]);

/** The files of `info/` that unpacking makes or changes. */
export function infoFiles(input: DatabaseInput): readonly OwnedEntry[] {
  return [...shortenedLists(input), ...input.packages.flatMap((item) => filesOf(item, input))];
}

/** Lists of packages installed before that lose files. */
function shortenedLists(input: DatabaseInput): readonly OwnedEntry[] {
  const added = new Set(input.packages.map(({ id }) => id));
  return [...input.replaced.keys()].flatMap((id) => {
    const item = added.has(id) ? undefined : input.packageOf(id);
    const path = parsePath(`${adminDir}/info/${item?.infoName}.list`);
    const entry = input.before.get(path);
    if (item === undefined || entry?.type !== "file") return [];
    const list = ownList(item, input.contents.read(entry.content), input);
    return [{ entry: fileEntry(path, list, input.contents), owner: id }];
  });
}

/** A package's list without files that went to another package. */
function ownList(item: DescribedPackage, list: Uint8Array, { replaced }: DatabaseInput): Uint8Array {
  const lost = replaced.get(item.id);
  if (lost === undefined) return list;
  const lines = nameFromBytes(list).split("\n");
  const kept = lines.filter(
    (line) => line === "" || line === "/." || !lost.has(placeOf(item, parsePath(line))),
  );
  return pathToBytes(kept.join("\n"));
}

function filesOf(item: DescribedPackage, input: DatabaseInput): readonly OwnedEntry[] {
  const { contents } = input;
  const path = (name: string): ImagePath => parsePath(`${adminDir}/info/${item.infoName}.${name}`);
  const files: OwnedEntry[] = [];
  for (const [name, digest] of item.control) {
    // dpkg leaves names with a dot aside, and writes the list itself.
    if (name === "control" || name === "list" || name.includes(".")) continue;
    const { length: sizeBytes } = contents.read(digest);
    const mode = scripts.has(name) ? 0o755 : 0o644;
    const meta = { uid: 0, gid: 0, mtimeSeconds: 0, mode };
    files.push({
      entry: { ...meta, type: "file", path: path(name), content: digest, sizeBytes },
      owner: item.id,
    });
  }
  files.push({
    entry: fileEntry(path("list"), ownList(item, contents.read(item.list), input), contents),
    owner: item.id,
  });
  if (!item.control.has("md5sums")) {
    files.push({ entry: fileEntry(path("md5sums"), hashFiles(item, contents), contents), owner: item.id });
  }
  return files;
}

/** What dpkg writes itself where a package brings no md5sums: of all its files, in the list's order. */
function hashFiles(item: DescribedPackage, contents: Contents): Uint8Array {
  const files = new Map<string, Entry>(item.tree.map((entry) => [entry.path, entry]));
  const lines: Buffer[] = [];
  for (const line of nameFromBytes(contents.read(item.list)).split("\n")) {
    const path = line.slice(1);
    if (path === "" || path === ".") continue;
    const entry = files.get(placeOf(item, parsePath(path)));
    const file = entry?.type === "hardlink" ? files.get(entry.target) : entry;
    if (file?.type !== "file") continue;
    const md5 = createHash("md5").update(contents.read(file.content)).digest("hex");
    lines.push(Buffer.from(`${md5}  `), pathToBytes(path), Buffer.from("\n"));
  }
  return Buffer.concat(lines);
}
