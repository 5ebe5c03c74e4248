// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync, existsSync, lstatSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

type Random = (below: number) => number;

/** What can happen to a file of a store that no program of ours did. */
export const damageKinds = ["flip", "cut", "extend", "zero", "swap", "rename"] as const;
export type DamageKind = (typeof damageKinds)[number];

/** Where it happens; the names are those of docs/formats/store.md. */
export const damageAreas = [
  "packs", "index.sqlite", "refs.sqlite", "refs.log", "links", "plans", "downloads", "adopted.sqlite", "format",
  "index.sqlite-wal", "refs.sqlite-wal",
] as const;
export type DamageArea = (typeof damageAreas)[number];

interface Choice {
  readonly kind: DamageKind;
  readonly random: Random;
}

/** Damages a file of an area, chosen by `random`; returns what was done, undefined where nothing can be. */
export function damageOne(
  store: string,
  { area, kind, random }: Choice & { readonly area: DamageArea },
): string | undefined {
  const files = filesOf(join(store, area)).filter((path) => lstatSync(path).isFile() && statSync(path).size > 0);
  if (files.length === 0) return undefined;
  const path = files[random(files.length)] as string;
  const before = statSync(path);
  chmodSync(path, before.mode | 0o600);
  const isMove = kind === "swap" || kind === "rename";
  const what = isMove ? moveOne(files, { path, kind, random }) : change(path, { kind, random });
  if (existsSync(path)) chmodSync(path, before.mode);
  return what === undefined ? undefined : `${kind} ${path.slice(store.length + 1)} ${what}`;
}

function change(path: string, { kind, random }: Choice): string | undefined {
  const bytes = readFileSync(path);
  const at = usedByte(bytes, random);
  switch (kind) {
    case "flip": {
      const bit = random(8);
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      writeInPlace(path, bytes);
      return `at ${at} bit ${bit}`;
    }
    case "cut":
      truncateSync(path, at);
      return `at ${at} of ${bytes.length}`;
    case "extend":
      writeInPlace(path, Buffer.concat([bytes, Buffer.alloc(1 + random(5000), random(256))]));
      return "";
    case "zero": {
      const start = at - (at % 512);
      if (bytes.subarray(start, start + 512).every((byte) => byte === 0)) return undefined;
      bytes.fill(0, start, Math.min(start + 512, bytes.length));
      writeInPlace(path, bytes);
      return `block at ${start}`;
    }
    default:
      return undefined;
  }
}

/** Most of a small database is unused, and zero. */
function usedByte(bytes: Uint8Array, random: Random): number {
  for (let i = 0; i < 20; i++) {
    const at = random(bytes.length);
    if (bytes[at] !== 0) return at;
  }
  return random(bytes.length);
}

/** As a disk does it: the inode stays. */
function writeInPlace(path: string, bytes: Uint8Array): void {
  writeFileSync(path, bytes, { flag: "r+" });
}

function moveOne(files: readonly string[], { path, kind, random }: Choice & { path: string }): string | undefined {
  if (kind === "rename") {
    const name = basename(path).replace(/[0-9a-f]/, (digit) => (digit === "0" ? "1" : "0"));
    if (name === basename(path) || existsSync(join(dirname(path), name))) return undefined;
    renameSync(path, join(dirname(path), name));
    return `to ${name}`;
  }
  const other = files[random(files.length)] as string;
  const [mine, its] = [readFileSync(path), readFileSync(other)];
  if (mine.equals(its)) return undefined;
  const aside = `${path}.aside`;
  renameSync(path, aside);
  renameSync(other, path);
  renameSync(aside, other);
  return `with ${basename(other)}`;
}

function filesOf(path: string): string[] {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  if (!stats.isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => filesOf(join(path, name)));
}
