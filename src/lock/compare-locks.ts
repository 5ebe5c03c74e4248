// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../base/index.ts";
import { compareVersions } from "../debian/index.ts";
import type { Lock, LockedImage, LockedPackage } from "./lock.ts";

/** One row of the table of changes. */
export interface LockChange {
  /** "rebuilt": the same version with other bytes. "role": phase or use differ. */
  readonly kind: "added" | "removed" | "upgraded" | "downgraded" | "rebuilt" | "role";
  readonly name: string;
  readonly architecture: string;
  /** Version before, absent where added. */
  readonly before?: string;
  /** Version after, absent where removed. */
  readonly after?: string;
  /** Change of the size of the package file, bytes. */
  readonly sizeDifferenceBytes: number;
  /** Who pulls it in, after the change or before its removal. */
  readonly by: readonly string[];
}

export interface ImageChanges {
  readonly image: string;
  readonly platform: string;
  readonly state: "added" | "removed" | "kept";
  /** Sorted by name, then architecture. */
  readonly changes: readonly LockChange[];
}

/** What differs between two locks, image by image; those without a difference are left out. */
export function compareLocks(before: Lock | undefined, after: Lock): readonly ImageChanges[] {
  const keyOf = ({ image, platform }: LockedImage): string => `${image} ${platform}`;
  const old = new Map((before?.images ?? []).map((image) => [keyOf(image), image]));
  const now = new Map(after.images.map((image) => [keyOf(image), image]));
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort(compareOrdinal);
  return keys
    .map((key) => compareImages(old.get(key), now.get(key)))
    .filter(({ state, changes }) => state !== "kept" || changes.length > 0);
}

function compareImages(before: LockedImage | undefined, after: LockedImage | undefined): ImageChanges {
  const { image, platform } = (after ?? before) as LockedImage;
  const state = before === undefined ? "added" : after === undefined ? "removed" : "kept";
  const keyOf = ({ name, architecture }: LockedPackage): string => `${name}:${architecture}`;
  const old = new Map((before?.packages ?? []).map((item) => [keyOf(item), item]));
  const now = new Map((after?.packages ?? []).map((item) => [keyOf(item), item]));
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort(compareOrdinal);
  const changes = keys.flatMap((key) => comparePackage(old.get(key), now.get(key)) ?? []);
  return { image, platform, state, changes };
}

function comparePackage(before: LockedPackage | undefined, after: LockedPackage | undefined): LockChange | undefined {
  const kind = kindOf(before, after);
  if (kind === undefined) return undefined;
  const { name, architecture, by } = (after ?? before) as LockedPackage;
  return {
    kind,
    name,
    architecture,
    ...(before === undefined ? {} : { before: before.version }),
    ...(after === undefined ? {} : { after: after.version }),
    sizeDifferenceBytes: (after?.sizeBytes ?? 0) - (before?.sizeBytes ?? 0),
    by,
  };
}

function kindOf(before: LockedPackage | undefined, after: LockedPackage | undefined): LockChange["kind"] | undefined {
  if (before === undefined) return "added";
  if (after === undefined) return "removed";
  const order = compareVersions(after.version, before.version);
  if (order !== 0) return order > 0 ? "upgraded" : "downgraded";
  if (before.digest !== after.digest) return "rebuilt";
  return before.phase === after.phase && before.use === after.use ? undefined : "role";
}

/** The table of changes as text, one line a package; "no package changes" where there is none. */
export function showLockChanges(images: readonly ImageChanges[]): string {
  if (images.length === 0) return "no package changes\n";
  return images.map(showImage).join("");
}

const signs = { added: "+", removed: "-", upgraded: "↑", downgraded: "↓", rebuilt: "≠", role: "~" } as const;

function showImage({ image, platform, state, changes }: ImageChanges): string {
  const rows = changes.map(showChange);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => (row[column] as string).length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const title = `${image} ${platform}${state === "kept" ? "" : ` (${state})`}: ${countsOf(changes)}`;
  return [title, ...lines.map((line) => `  ${line}`), ""].join("\n");
}

function showChange({ kind, name, architecture, before, after, sizeDifferenceBytes, by }: LockChange): string[] {
  const hasMoved = before !== undefined && after !== undefined && before !== after;
  const versions = hasMoved ? `${before} -> ${after}` : (after ?? before);
  const size = `${sizeDifferenceBytes < 0 ? "-" : "+"}${Math.ceil(Math.abs(sizeDifferenceBytes) / 1024)} KiB`;
  return [`${signs[kind]} ${name}:${architecture}`, versions ?? "", size, `(${by.join(", ")})`];
}

function countsOf(changes: readonly LockChange[]): string {
  const kinds = ["added", "removed", "upgraded", "downgraded", "rebuilt", "role"] as const;
  const counts = kinds.map((kind) => [changes.filter((change) => change.kind === kind).length, kind] as const);
  const shown = counts.filter(([count]) => count > 0).map(([count, kind]) => `${count} ${kind}`);
  return shown.length > 0 ? shown.join(", ") : "no package changes";
}
