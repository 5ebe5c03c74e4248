// SPDX-License-Identifier: Apache-2.0
import {
  AshlarError,
  type Digest,
  type ImagePath,
  isAshlarError,
  limits,
  nameFromBytes,
  parsePath,
} from "../../base/index.ts";
import { field, parseControl, parseRelations, type RelationGroup } from "../../debian/index.ts";
import { type ContentReader, packageId, type UnpackedPackage } from "../content.ts";
import { finalPath, type RootLayout } from "../normalize-package.ts";

/** A package with what dpkg reads of it, parsed once. */
export interface DescribedPackage extends UnpackedPackage {
  /** `libc6:amd64`: the owner of its entries. */
  readonly id: string;
  /** As dpkg names its files in `info/`: with the architecture only where it is `Multi-Arch: same`. */
  readonly infoName: string;
  readonly depends: readonly RelationGroup[];
  readonly preDepends: readonly RelationGroup[];
  readonly provides: readonly RelationGroup[];
  readonly replaces: readonly RelationGroup[];
  readonly isEssential: boolean;
  /** In the file's order. */
  readonly conffiles: readonly Conffile[];
  /** Paths that diversions move, as the package has them, to where they go. */
  readonly diverted: ReadonlyMap<ImagePath, ImagePath>;
}

/** A configuration file that dpkg leaves alone once it was changed (deb-conffiles(5)). */
export interface Conffile {
  /** As the package has it. */
  readonly path: ImagePath;
  /** "remove-on-upgrade": the package does not have it any more. */
  readonly flag: string | undefined;
}

/** Every suite since bookworm has merged /usr; the links of /var are base-files' own matter. */
export const fullLayout: RootLayout = { usrMerged: true, runLinked: false };

/** Reads a package's control files. Throws `ASSEMBLE_PACKAGE_INVALID`, `DEBIAN_*_INVALID`. */
export function describePackage(item: UnpackedPackage, contents: ContentReader): DescribedPackage {
  const stanza = parseControl(readControl(item, "control", contents) ?? Buffer.alloc(0))[0];
  if (stanza === undefined) throw invalidControl(item, "control", "it has no stanza");
  const relations = (name: string): readonly RelationGroup[] => {
    const text = field(stanza, name);
    return text === undefined ? [] : parseRelations(text);
  };
  const id = packageId(item.locked);
  return {
    ...item,
    id,
    infoName: field(stanza, "Multi-Arch") === "same" ? id : item.locked.name,
    depends: relations("Depends"),
    preDepends: relations("Pre-Depends"),
    provides: relations("Provides"),
    replaces: relations("Replaces"),
    isEssential: field(stanza, "Essential") === "yes",
    conffiles: conffilesOf(item, contents),
    diverted: new Map(),
  };
}

/** Where a path of a package lies in a root: diverted, and in /usr. */
export function placeOf({ diverted }: DescribedPackage, path: ImagePath): ImagePath {
  return finalPath(diverted.get(path) ?? path, fullLayout);
}

function conffilesOf(item: UnpackedPackage, contents: ContentReader): readonly Conffile[] {
  const lines = nameFromBytes(readControl(item, "conffiles", contents) ?? Buffer.alloc(0)).split("\n");
  return lines.flatMap((line, i) => {
    const match = /^(?:(remove-on-upgrade)[ \t]+)?(\/.*?)[ \t\r]*$/.exec(line);
    if (match === null && line.trim() === "") return [];
    try {
      if (match !== null) return [{ path: parsePath(match[2] as string), flag: match[1] }];
    } catch (error) {
      if (!isAshlarError(error)) throw error;
    }
    throw invalidControl(item, "conffiles", `line ${i + 1} names no file`);
  });
}

/** A control file's bytes; undefined where the package has none of this name. */
export function readControl(
  item: UnpackedPackage,
  file: string,
  contents: ContentReader,
): Uint8Array | undefined {
  const digest: Digest | undefined = item.control.get(file);
  if (digest === undefined) return undefined;
  const bytes = contents.read(digest);
  if (bytes.length > limits.textBytesMax) {
    throw invalidControl(item, file, `${bytes.length} bytes, at most ${limits.textBytesMax}`);
  }
  return bytes;
}

/** The error for a control file that cannot be used. */
export function invalidControl({ locked }: UnpackedPackage, file: string, fault: string): AshlarError {
  const message = `Cannot read "${file}" of package "${locked.name}" ${locked.version}: ${fault}`;
  return new AshlarError("ASSEMBLE_PACKAGE_INVALID", message);
}
