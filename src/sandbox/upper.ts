// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, parseEntryName } from "../base/index.ts";
import type { Entry, Meta, TarEntry, TarVisitor } from "../formats/index.ts";
import type { ContentWriter, PackWriter } from "../store/index.ts";
import { mountPoints } from "./environment.ts";

/** What an overlay's upper directory says: what is there now, and what of the lower is not. */
export interface Upper {
  /** By path; a hard link's target is the first name in the archive. Times are 0. */
  readonly entries: ReadonlyMap<ImagePath, Entry>;
  /** Paths that are gone with everything below. */
  readonly whiteouts: ReadonlySet<ImagePath>;
  /** Directories of which nothing of the lower is left. */
  readonly opaque: ReadonlySet<ImagePath>;
}

/** The namespace of overlayfs' own attributes: `trusted` for root, `user` with the mount option `userxattr`. */
export type OverlayXattrs = "trusted" | "user";

/** Attributes that say something of the host and not of the root. */
const foreignXattr = /^(?:trusted\.|user\.overlay\.|security\.(?:selinux|ima|evm|apparmor|SMACK))/;

/**
 * Takes the tar of an upper directory (GNU tar, pax, with all attributes) and puts the contents into a pack.
 * Throws `SANDBOX_CAPTURE` for devices.
 */
export class UpperReader implements TarVisitor {
  readonly #pack: PackWriter;
  readonly #opaqueName: string;
  readonly #entries = new Map<ImagePath, Entry>();
  readonly #whiteouts = new Set<ImagePath>();
  readonly #opaque = new Set<ImagePath>();
  #file: { readonly path: ImagePath; readonly meta: Meta; readonly writer: ContentWriter } | undefined;

  constructor(pack: PackWriter, xattrs: OverlayXattrs) {
    this.#pack = pack;
    this.#opaqueName = `${xattrs}.overlay.opaque`;
  }

  entry(entry: TarEntry): void {
    const path = parseEntryName(entry.name);
    if (path === undefined || isMountPoint(path)) return;
    const meta = metaOf(entry);
    switch (entry.type) {
      case "file":
        this.#file = { path, meta, writer: this.#pack.open() };
        return;
      case "dir":
        if (isOpaque(entry, this.#opaqueName)) this.#opaque.add(path);
        this.#entries.set(path, { ...meta, type: "dir", path });
        return;
      case "symlink":
        this.#entries.set(path, { ...meta, type: "symlink", path, target: entry.linkName });
        return;
      case "hardlink":
        this.#link(path, entry);
        return;
      case "fifo":
        this.#entries.set(path, { ...meta, type: "fifo", path });
        return;
      default:
        this.#device(path, entry);
    }
  }

  data(bytes: Uint8Array): void {
    this.#file?.writer.write(bytes);
  }

  endEntry(): void {
    if (this.#file === undefined) return;
    const { path, meta, writer } = this.#file;
    this.#file = undefined;
    const { digest: content, sizeBytes } = writer.end();
    this.#entries.set(path, { ...meta, type: "file", path, content, sizeBytes });
  }

  finish(): Upper {
    return { entries: this.#entries, whiteouts: this.#whiteouts, opaque: this.#opaque };
  }

  /** Takes back a file that is half read. */
  abort(): void {
    this.#file?.writer.abort();
    this.#file = undefined;
  }

  #link(path: ImagePath, entry: TarEntry): void {
    const target = parseEntryName(entry.linkName);
    const first = target === undefined ? undefined : this.#entries.get(target);
    // tar also links further names of a symlink or fifo to the first; in a tree each stands by itself.
    if (first === undefined) {
      if (target !== undefined && this.#whiteouts.has(target)) return void this.#whiteouts.add(path);
      throw captureError(path, `it is a hard link to "${entry.linkName}", which was not seen before`);
    }
    if (first.type !== "file") return void this.#entries.set(path, { ...first, path } as Entry);
    const { content: _content, sizeBytes: _size, ...meta } = first;
    this.#entries.set(path, { ...meta, type: "hardlink", path, target: first.path });
  }

  /** Overlayfs marks what is gone by a character device 0:0, and makes all of them names of one. */
  #device(path: ImagePath, entry: TarEntry): void {
    if (entry.type === "char" && entry.major === 0 && entry.minor === 0)
      return void this.#whiteouts.add(path);
    throw captureError(
      path,
      `it is a ${entry.type} device ${entry.major}:${entry.minor}, want none made in a run`,
    );
  }
}

function captureError(path: ImagePath, fault: string): AshlarError {
  return new AshlarError("SANDBOX_CAPTURE", `Cannot capture "/${path}": ${fault}`);
}

function isMountPoint(path: ImagePath): boolean {
  const slash = path.indexOf("/");
  return (mountPoints as readonly string[]).includes(slash < 0 ? path : path.slice(0, slash));
}

function isOpaque(entry: TarEntry, name: string): boolean {
  const value = entry.xattrs?.[name];
  return value !== undefined && Buffer.from(value, "base64").toString() === "y";
}

function metaOf(entry: TarEntry): Meta {
  const meta = { mode: entry.mode, uid: entry.uid, gid: entry.gid, mtimeSeconds: 0 };
  const own = Object.entries(entry.xattrs ?? {}).filter(([name]) => !foreignXattr.test(name));
  return own.length === 0 ? meta : { ...meta, xattrs: Object.fromEntries(own) };
}
