// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chmodSync, lchownSync, lstatSync, mkdirSync, statSync, utimesSync } from "node:fs";

import { AshlarError, type ImagePath, showPath } from "../base/index.ts";
import type { DeviceEntry, DirEntry, FifoEntry, FileEntry, Meta } from "../formats/index.ts";
import { type HostPath, hostPathOf, type Owner, ownOwner, processOwner, settableMeta, timeOf } from "./entry-meta.ts";
import type { Placer } from "./file-placer.ts";
import type { CheckoutReport, DevicePolicy } from "./store.ts";
import type { TreeParts } from "./tree-parts.ts";
import { writeXattrs } from "./xattr.ts";

/** The root itself, which no tree lists. */
const rootMeta: Meta = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 };

type SpecialEntry = DeviceEntry | FifoEntry;

export interface MakerOptions {
  readonly placer: Placer;
  readonly devices: DevicePolicy | undefined;
  /** There are directories already, whose set-group-id new ones would inherit. */
  readonly inPlace?: boolean;
}

/**
 * Makes entries below a directory that only we can enter meanwhile. Nothing is ever written through a link:
 * every parent is a directory of the tree, made here, and symlinks come after files.
 */
export class EntryMaker {
  readonly #root: string;
  readonly #placer: Placer;
  readonly #devices: DevicePolicy;
  readonly #owner = ownOwner();
  readonly #skipped: CheckoutReport["skipped"][number][] = [];
  /** The owner that new entries get by themselves; undefined where a set-group-id parent interferes. */
  readonly #born: Owner | undefined;
  /** Mode bits that new directories get when asked for; undefined until the first one shows them. */
  #bornBits: number | undefined;

  constructor(root: string, { placer, devices, inPlace }: MakerOptions) {
    this.#root = root;
    this.#placer = placer;
    this.#devices = devices ?? (this.#owner === undefined ? "keep" : "skip");
    const inherits = inPlace === true || (statSync(root).mode & 0o2000) !== 0;
    this.#born = inherits ? undefined : processOwner();
  }

  get skipped(): CheckoutReport["skipped"] {
    return this.#skipped;
  }

  /** Makes all but directories' metadata; returns the directories whose mode is not right yet. */
  make(parts: TreeParts): ReadonlySet<ImagePath> {
    const unfinished = new Set<ImagePath>();
    for (const entry of parts.dirs) if (!this.#makeDir(entry)) unfinished.add(entry.path);
    for (const entry of parts.files) this.#makeFile(entry, parts.hardlinks.get(entry.path));
    for (const entry of parts.symlinks) {
      this.#noteXattrs(entry);
      this.#placer.place(entry, [this.#pathOf(entry.path)]);
    }
    if (parts.ready !== undefined) this.#placer.placeReady?.(parts.ready, this.#root);
    for (const entry of parts.specials) this.#makeSpecial(entry);
    return unfinished;
  }

  /** Sets what directories have, the deepest first; `modes` names those that need owner, attributes and mode. */
  finishDirs(dirs: readonly DirEntry[], modes: ReadonlySet<ImagePath>): void {
    for (let i = dirs.length - 1; i >= 0; i--) {
      const entry = dirs[i] as DirEntry;
      const path = this.#pathOf(entry.path);
      if (modes.has(entry.path)) this.#setMeta(entry, path);
      const time = timeOf(entry);
      utimesSync(path, time, time);
    }
  }

  /** The last step: from now on others can enter. */
  finishRoot(): void {
    this.#setMeta(rootMeta, this.#root);
    utimesSync(this.#root, 0, 0);
  }

  #pathOf(path: ImagePath): HostPath {
    return hostPathOf(this.#root, path);
  }

  /** Tells whether the new directory has its owner and mode by birth. */
  #makeDir(entry: DirEntry): boolean {
    const path = this.#pathOf(entry.path);
    if (this.#isBornAs(entry)) {
      mkdirSync(path, entry.mode);
      return true;
    }
    mkdirSync(path, this.#bornBits === undefined ? 0o777 : 0o700);
    this.#bornBits ??= lstatSync(path).mode & 0o777;
    return false;
  }

  #isBornAs(entry: DirEntry): boolean {
    if (this.#bornBits === undefined || entry.xattrs !== undefined || !this.#isBornWith(entry)) return false;
    const { mode } = entry;
    return (mode & 0o700) === 0o700 && (mode & 0o6000) === 0 && (mode & 0o777 & ~this.#bornBits) === 0;
  }

  #isBornWith(entry: Meta): boolean {
    if (this.#born === undefined) return false;
    return this.#owner !== undefined || (this.#born.uid === entry.uid && this.#born.gid === entry.gid);
  }

  #makeFile(entry: FileEntry, links: readonly ImagePath[] | undefined): void {
    this.#noteXattrs(entry);
    const first = this.#pathOf(entry.path);
    this.#placer.place(entry, links === undefined ? [first] : [first, ...links.map((path) => this.#pathOf(path))]);
  }

  /** Node has no mknod(2). Devices need root, and a container's root may not make them either. */
  #makeSpecial(entry: SpecialEntry): void {
    const isDevice = entry.type !== "fifo";
    if (isDevice && this.#devices === "skip") return this.#skip(entry.path, "devices are left out");
    if (isDevice && this.#owner !== undefined) return this.#skip(entry.path, "only root makes devices");
    const path = this.#pathOf(entry.path);
    if (typeof path !== "string") return this.#skip(entry.path, "its name is not UTF-8");
    const args = entry.type === "fifo" ? ["p"] : [entry.type[0] as string, `${entry.major}`, `${entry.minor}`];
    const { status, stderr, error } = spawnSync("mknod", ["--", path, ...args], { encoding: "utf8" });
    if (status !== 0) return this.#skip(entry.path, `mknod: ${error?.message ?? stderr.trim()}`);
    this.#setMeta(entry, path);
    const time = timeOf(entry);
    utimesSync(path, time, time);
  }

  /** Changing the owner takes away set-user-id and set-group-id, so it comes first; the time comes last. */
  #setMeta(entry: Meta & { readonly path?: ImagePath }, path: HostPath): void {
    this.#noteXattrs(entry);
    const meta = settableMeta(entry, this.#owner);
    lchownSync(path, meta.uid, meta.gid);
    writeXattrs(path, meta.xattrs);
    chmodSync(path, meta.mode);
  }

  #noteXattrs({ path, xattrs }: Meta & { readonly path?: ImagePath }): void {
    if (this.#owner === undefined || xattrs === undefined || path === undefined) return;
    const lost = Object.keys(xattrs).filter((name) => !name.startsWith("user."));
    for (const name of lost) this.#skip(path, `only root sets the attribute "${name}"`);
  }

  #skip(path: ImagePath, why: string): void {
    this.#skipped.push({ path, why });
  }
}

/** Refuses devices before anything is made. Throws `POLICY_DEVICE`. */
export function verifyDevices(parts: TreeParts, policy: DevicePolicy | undefined): void {
  if (policy !== "fail") return;
  const device = parts.specials.find((entry) => entry.type !== "fifo");
  if (device === undefined) return;
  const state = "it is a device, and devices are refused";
  throw new AshlarError("POLICY_DEVICE", `Cannot check out "${showPath(device.path)}": ${state}`, {
    hint: "leave devices out with --devices skip, or make them as root with --devices keep",
  });
}
