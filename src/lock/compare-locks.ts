// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type Digest } from "../base/index.ts";
import { compareVersions } from "../debian/index.ts";
import type { Lock, LockedImage, LockedPackage, LockedStep } from "./lock.ts";

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
  /** The step whose root changes; absent: the image itself. */
  readonly step?: string;
  readonly platform: string;
  readonly state: "added" | "removed" | "kept";
  /** Manifests of the foreign image below, where that is another one. */
  readonly base?: { readonly before?: Digest; readonly after?: Digest };
  /** Sorted by name, then architecture. */
  readonly changes: readonly LockChange[];
}

type Holder = LockedImage | LockedStep;

/** What differs between two locks, image by image, each before its steps; those without a difference are left out. */
export function compareLocks(before: Lock | undefined, after: Lock): readonly ImageChanges[] {
  const old = new Map(holdersOf(before));
  const now = new Map(holdersOf(after));
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort(compareOrdinal);
  return keys
    .map((key) => compareHolders(old.get(key), now.get(key)))
    .filter(({ state, base, changes }) => state !== "kept" || base !== undefined || changes.length > 0);
}

function holdersOf(lock: Lock | undefined): (readonly [string, Holder])[] {
  const holders: readonly Holder[] = [...(lock?.images ?? []), ...(lock?.steps ?? [])];
  return holders.map(
    (holder) => [[holder.image, stepOf(holder) ?? "", holder.platform].join("\0"), holder] as const,
  );
}

function stepOf(holder: Holder): string | undefined {
  return "step" in holder ? holder.step : undefined;
}

function compareHolders(before: Holder | undefined, after: Holder | undefined): ImageChanges {
  const holder = (after ?? before) as Holder;
  const { image, platform } = holder;
  const step = stepOf(holder);
  const state = before === undefined ? "added" : after === undefined ? "removed" : "kept";
  const keyOf = ({ name, architecture }: LockedPackage): string => `${name}:${architecture}`;
  const old = new Map((before?.packages ?? []).map((item) => [keyOf(item), item]));
  const now = new Map((after?.packages ?? []).map((item) => [keyOf(item), item]));
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort(compareOrdinal);
  const changes = keys.flatMap((key) => comparePackage(old.get(key), now.get(key)) ?? []);
  return {
    image,
    ...(step === undefined ? {} : { step }),
    platform,
    state,
    ...baseChange(before, after),
    changes,
  };
}

function baseChange(before: Holder | undefined, after: Holder | undefined): Pick<ImageChanges, "base"> {
  const [was, is] = [before, after].map(manifestOf);
  if (was === is) return {};
  return { base: { ...(was ? { before: was } : {}), ...(is ? { after: is } : {}) } };
}

function manifestOf(holder: Holder | undefined): Digest | undefined {
  return holder !== undefined && "manifest" in holder ? holder.manifest : undefined;
}

function comparePackage(
  before: LockedPackage | undefined,
  after: LockedPackage | undefined,
): LockChange | undefined {
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

function kindOf(
  before: LockedPackage | undefined,
  after: LockedPackage | undefined,
): LockChange["kind"] | undefined {
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

function showImage({ image, step, platform, state, base, changes }: ImageChanges): string {
  const rows = changes.map(showChange);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => (row[column] as string).length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const name = step === undefined ? image : `${image} step ${step}`;
  const title = `${name} ${platform}${state === "kept" ? "" : ` (${state})`}: ${countsOf(changes)}`;
  const below = base === undefined ? [] : [`  base ${base.before ?? "none"} -> ${base.after ?? "none"}`];
  return [title, ...below, ...lines.map((line) => `  ${line}`), ""].join("\n");
}

function showChange({
  kind,
  name,
  architecture,
  before,
  after,
  sizeDifferenceBytes,
  by,
}: LockChange): string[] {
  const hasMoved = before !== undefined && after !== undefined && before !== after;
  const versions = hasMoved ? `${before} -> ${after}` : (after ?? before);
  const size = `${sizeDifferenceBytes < 0 ? "-" : "+"}${Math.ceil(Math.abs(sizeDifferenceBytes) / 1024)} KiB`;
  return [`${signs[kind]} ${name}:${architecture}`, versions ?? "", size, `(${by.join(", ")})`];
}

function countsOf(changes: readonly LockChange[]): string {
  const kinds = ["added", "removed", "upgraded", "downgraded", "rebuilt", "role"] as const;
  const counts = kinds.map(
    (kind) => [changes.filter((change) => change.kind === kind).length, kind] as const,
  );
  const shown = counts.filter(([count]) => count > 0).map(([count, kind]) => `${count} ${kind}`);
  return shown.length > 0 ? shown.join(", ") : "no package changes";
}
