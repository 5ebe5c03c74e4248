// SPDX-License-Identifier: Apache-2.0
import { baseOwner, packageId, PathResolver } from "../assemble/index.ts";
import {
  AshlarError,
  baseNameOf,
  type Digest,
  type ImagePath,
  isAshlarError,
  limits,
  nameFromBytes,
  parentOf,
  parsePath,
} from "../base/index.ts";
import { type Diversion, parseDiversions } from "../debian/index.ts";
import type { FileEntry, Tree } from "../formats/index.ts";
import { type InstalledPackage, readPackages } from "../query/index.ts";

/** What dpkg's database in a foreign image says. */
export interface ForeignPackages {
  readonly installed: readonly InstalledPackage[];
  readonly owners: ReadonlyMap<ImagePath, string>;
}

const info = "var/lib/dpkg/info/";
const statusDir = "var/lib/dpkg/status.d/";

/**
 * Reads which packages a foreign image has and what is theirs: by dpkg's `info/*.list` and diversions, or by the
 * md5sums of a distroless `status.d`. Lists and links that lead nowhere count for nothing: they are claims of
 * the image about itself. Throws `BUILD_BASE_DPKG` where the database cannot be read.
 */
export function readForeignPackages(tree: Tree, read: (content: Digest) => Uint8Array): ForeignPackages {
  try {
    const installed = readPackages(tree, read);
    return { installed, owners: ownersIn(tree, installed, read) };
  } catch (cause) {
    if (!isAshlarError(cause)) throw cause;
    const message = `Cannot read dpkg's database in the base: ${cause.message}`;
    throw new AshlarError("BUILD_BASE_DPKG", message, { cause, because: cause.because });
  }
}

/** All lists together: thousands of them may be one large content, read each time. */
const listsBytesMax = 16 * limits.textBytesMax;

type Files = ReadonlyMap<string, FileEntry>;

function ownersIn(
  tree: Tree,
  installed: readonly InstalledPackage[],
  read: (content: Digest) => Uint8Array,
): ReadonlyMap<ImagePath, string> {
  const regular = tree.filter((entry): entry is FileEntry => entry.type === "file");
  const files: Files = new Map(regular.map((file) => [file.path, file]));
  let bytesLeft = listsBytesMax;
  const lines = (path: string): readonly string[] => {
    const file = files.get(path);
    if (file === undefined || file.sizeBytes > limits.textBytesMax) return [];
    bytesLeft -= file.sizeBytes;
    if (bytesLeft < 0) throw listsTooLarge();
    return nameFromBytes(read(file.content)).split("\n");
  };
  const diverted = diversionsIn(files, read);
  const resolved = parentsResolved(tree);
  const owners = new Map<ImagePath, string>(tree.map((entry) => [entry.path, baseOwner]));
  for (const item of installed) {
    for (const path of pathsOf(item, lines)) {
      const diversion = diverted.get(path);
      const real = resolved(diversion === undefined || diversion.by === item.name ? path : diversion.to);
      if (owners.get(real) === baseOwner) owners.set(real, packageId(item));
    }
  }
  return owners;
}

function listsTooLarge(): AshlarError {
  return new AshlarError("PULL_LISTS", `Cannot read lists of files: they have more than ${listsBytesMax} bytes`);
}

/** Where the last component of a path really lies; itself it is not followed. */
function parentsResolved(tree: Tree): (path: ImagePath) => ImagePath {
  const resolver = new PathResolver(tree);
  return (path) => {
    const parent = parentOf(path);
    const real = parent === undefined ? undefined : resolver.realPath(parent);
    return real === undefined || real === "" ? path : (`${real}/${baseNameOf(path)}` as ImagePath);
  };
}

function diversionsIn(files: Files, read: (content: Digest) => Uint8Array): ReadonlyMap<ImagePath, Diversion> {
  const file = files.get("var/lib/dpkg/diversions");
  if (file === undefined || file.sizeBytes === 0 || file.sizeBytes > limits.textBytesMax) return new Map();
  return new Map(parseDiversions(read(file.content)).map((diversion) => [diversion.from, diversion]));
}

/** What a package has, in the order of its list; nothing where there is none. */
function pathsOf(
  { name, architecture }: InstalledPackage,
  lines: (path: string) => readonly string[],
): ImagePath[] {
  const ids = [`${name}:${architecture}`, name];
  const listed = ids.map((id) => lines(`${info}${id}.list`)).find((found) => found.length > 0) ?? [];
  const summed = ids.map((id) => lines(`${statusDir}${id}.md5sums`)).find((found) => found.length > 0) ?? [];
  const names = [...listed, ...summed.map((line) => line.replace(/^[0-9a-f]{32} [ *]/, ""))];
  return names.flatMap((text) => pathIn(text) ?? []);
}

function pathIn(text: string): ImagePath | undefined {
  const path = text.replace(/^\.?\/+/, "");
  if (path === "" || path === ".") return undefined;
  try {
    return parsePath(path);
  } catch (error) {
    if (isAshlarError(error, "PATH_INVALID")) return undefined;
    throw error;
  }
}
