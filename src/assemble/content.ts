// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { LockedPackage } from "../lock/index.ts";

/** Gives the bytes of a small content; the `Store` is one. */
export interface ContentReader {
  read(digest: Digest): Uint8Array;
}

/** Takes the bytes of a generated file; the `Store` and its `PackWriter` are ones. */
export interface ContentSink {
  put(bytes: Uint8Array): { readonly digest: Digest; readonly sizeBytes: number };
}

/** Both at once: what was put can be read back, even where the sink has not committed it yet. */
export type Contents = ContentReader & ContentSink;

/** A package as it comes out of its .deb. */
export interface UnpackedPackage {
  readonly locked: LockedPackage;
  /** As in data.tar: original owners, modes and times. */
  readonly tree: Tree;
  /** The files of control.tar by name: control, md5sums, conffiles, preinst, ... */
  readonly control: ReadonlyMap<string, Digest>;
  /** The paths of data.tar in their order, as dpkg lists them. */
  readonly list: Digest;
}

/** Joins a reader and a sink. Generated files are small, so they are kept until the build ends. */
export function openContents(reader: ContentReader, sink: ContentSink): Contents {
  const generated = new Map<Digest, Uint8Array>();
  return {
    read: (digest) => generated.get(digest) ?? reader.read(digest),
    put(bytes) {
      const info = sink.put(bytes);
      generated.set(info.digest, bytes);
      return info;
    },
  };
}

/** How owners of entries and messages name a package: `libc6:amd64`, as dpkg does. */
export function packageId(locked: Pick<LockedPackage, "name" | "architecture">): string {
  return `${locked.name}:${locked.architecture}`;
}
