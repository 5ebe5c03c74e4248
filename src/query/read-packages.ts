// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal, type Digest, type ImagePath, limits } from "../base/index.ts";
import { field, parseControl, type Stanza } from "../debian/index.ts";
import type { FileEntry, Tree } from "../formats/index.ts";
import type { InstalledPackage } from "./diff-packages.ts";

const statusPath = "var/lib/dpkg/status";
const statusDir = "var/lib/dpkg/status.d/";

/** Tells whether a file holds stanzas of installed packages: dpkg's database, or that of distroless images. */
export function isPackageDatabase(path: ImagePath): boolean {
  if (path === statusPath) return true;
  return path.startsWith(statusDir) && !path.slice(statusDir.length).includes("/") && !path.endsWith(".md5sums");
}

/**
 * Reads the packages of an image from its dpkg database (`status`, dpkg(1); `status.d/*`, as scanners read it),
 * sorted by name, then architecture; of a package in both the one in `status` counts. Removed packages of which
 * only configuration is left do not count. `read` gives a file's content. Throws `DEBIAN_CONTROL_INVALID`,
 * `QUERY_PACKAGES_LIMIT`.
 */
export function readPackages(tree: Tree, read: (content: Digest) => Uint8Array): readonly InstalledPackage[] {
  return readInstalled(tree, read).map(describe);
}

/** All databases of an image together: thousands of its files may be one large content, read each time. */
const databasesBytesMax = 4 * limits.textBytesMax;

/** The same as whole stanzas. */
export function readInstalled(tree: Tree, read: (content: Digest) => Uint8Array): readonly Stanza[] {
  const found = new Map<string, Stanza>();
  let bytesLeft = databasesBytesMax;
  for (const file of tree) {
    if (file.type !== "file" || !isPackageDatabase(file.path) || file.sizeBytes > limits.textBytesMax) continue;
    bytesLeft -= file.sizeBytes;
    if (bytesLeft < 0) throw tooLarge();
    for (const stanza of readDatabase(file, read)) {
      const { name, architecture } = describe(stanza);
      const key = `${name} ${architecture}`;
      if (file.path === statusPath || !found.has(key)) found.set(key, stanza);
    }
  }
  return [...found].sort(([a], [b]) => compareOrdinal(a, b)).map(([, stanza]) => stanza);
}

function tooLarge(): AshlarError {
  const message = `Cannot read dpkg's database: it has more than ${databasesBytesMax} bytes`;
  return new AshlarError("QUERY_PACKAGES_LIMIT", message);
}

function readDatabase(file: FileEntry, read: (content: Digest) => Uint8Array): readonly Stanza[] {
  if (file.sizeBytes === 0) return [];
  return parseControl(read(file.content)).filter(isInstalled);
}

function isInstalled(stanza: Stanza): boolean {
  const isNamed = field(stanza, "Package") !== undefined && field(stanza, "Version") !== undefined;
  return isNamed && isPresent(field(stanza, "Status"));
}

function describe(stanza: Stanza): InstalledPackage {
  const name = field(stanza, "Package") as string;
  const sourceName = (field(stanza, "Source") ?? name).split(" ")[0] as string;
  const version = field(stanza, "Version") as string;
  return { name, version, architecture: field(stanza, "Architecture") ?? "", sourceName };
}

/** "want flag status"; absent in `status.d`, whose packages are all there. */
function isPresent(status: string | undefined): boolean {
  const state = status?.split(" ").at(-1);
  return state !== "not-installed" && state !== "config-files";
}
