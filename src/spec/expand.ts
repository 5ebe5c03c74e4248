// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../base/index.ts";
import type {
  AppItem,
  ConfigDocument,
  ExpectDocument,
  FleetDocument,
  ImageDocument,
  SystemDocument,
  UserDocument,
} from "./document.ts";
import { expandFrom } from "./expand-from.ts";
import type { FleetImageInput, FleetInput, ImageInput, ItemInput } from "./shape.ts";

/**
 * Fills in the defaults, opens the short forms and sorts what has no order, so that equal images are equal text.
 * Expects data that passed `checkShape`; what the parts mean together is checked by `checkMeaning`.
 */
export function expandImage(input: ImageInput): ImageDocument {
  return expandOne(input, input.name, ["linux/amd64"]);
}

export function expandFleet(input: FleetInput): FleetDocument {
  const images = mapRecord(input.images, (image, key) =>
    expandOne(image, image.name ?? key, inheritedPlatforms(input, key)),
  );
  return { ashlar: "fleet/v1", ...present({ registry: input.registry }), images };
}

/** The platforms of the nearest image below that names some. */
function inheritedPlatforms(fleet: FleetInput, key: string): readonly string[] {
  const seen = new Set<string>();
  let image: FleetImageInput | undefined = fleet.images[key];
  while (image !== undefined && typeof image.from === "object" && "image" in image.from) {
    const below: string = image.from.image;
    if (seen.has(below) || !Object.hasOwn(fleet.images, below)) break;
    seen.add(below);
    image = fleet.images[below];
    if (image?.platforms !== undefined) return image.platforms;
  }
  return ["linux/amd64"];
}

function expandOne(input: FleetImageInput, name: string, platforms: readonly string[]): ImageDocument {
  return {
    ashlar: "image/v1",
    name,
    from: expandFrom(input.from),
    platforms: sortedSet(input.platforms ?? platforms),
    system: expandSystem(input.system),
    users: mapRecord(input.users ?? {}, expandUser),
    steps: {},
    app: (input.app ?? []).map(expandItem),
    config: expandConfig(input.config ?? {}),
    expect: expandExpect(input.expect ?? {}),
    lifecycle: present({ eol: input.lifecycle?.eol, successor: input.lifecycle?.successor }),
    layers: { packages: input.layers?.packages ?? 1 },
  };
}

function expandSystem(input: ImageInput["system"] = {}): SystemDocument {
  return {
    base: input.base ?? "none",
    packages: (input.packages ?? []).map(canonicalRelation),
    install: input.install ?? "unpack",
    strip: sortedSet(input.strip ?? []),
    only: mapRecord(input.only ?? {}, (globs) => sortedSet(listOf(globs))),
    debconf: {},
    run: [],
  };
}

/** One spelling: `a (>= 1) | b`. */
function canonicalRelation(text: string): string {
  return text
    .split("|")
    .map((part) => part.trim().replace(/ ?\((<<|<=|=|>=|>>) ?/, " ($1 "))
    .join(" | ");
}

function expandUser(input: NonNullable<ImageInput["users"]>[string]): UserDocument {
  const { uid, gid = uid, home = "/nonexistent", shell = "/usr/sbin/nologin", gecos = "", groups = [] } = input;
  return { uid, gid, home, shell, gecos, groups: sortedSet(groups) };
}

function expandItem(input: ItemInput): AppItem {
  if ("copy" in input) {
    const { from, to, exclude, ...placing } = input.copy;
    const globs = sortedSet(listOf(from).map(withoutDotSlash));
    const excluded = sortedSet(listOf(exclude ?? []).map(withoutDotSlash));
    return { kind: "copy", from: globs, exclude: excluded, to: copyTarget(to, globs), ...expandPlacing(placing) };
  }
  if ("write" in input) {
    const { to, text, ...placing } = input.write;
    return { kind: "write", to, text, ...expandPlacing(placing) };
  }
  if ("dir" in input) {
    const { path, ...placing } = input.dir;
    return { kind: "dir", path: withoutEndSlash(path), ...expandPlacing(placing) };
  }
  return { kind: "link", path: input.link.path, target: input.link.target };
}

function withoutDotSlash(glob: string): string {
  return glob.replace(/^(\.\/+)+(?=.)/, "");
}

function withoutEndSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}

/** Several files, or a pattern that may match several, go into a directory. */
function copyTarget(to: string, globs: readonly string[]): string {
  const bare = withoutEndSlash(to);
  if (bare === "/") return "/";
  const several = globs.length > 1 || globs.some((glob) => /[*?[\]{}()!]/.test(glob));
  return several || to !== bare ? `${bare}/` : bare;
}

type PlacingInput = {
  owner?: string | number | undefined;
  group?: string | number | undefined;
  mode?: string | undefined;
};

function expandPlacing({ owner, group, mode }: PlacingInput): { owner?: string; group?: string; mode?: string } {
  return present({
    owner: textOf(owner),
    group: textOf(group),
    mode: mode === undefined ? undefined : canonicalMode(mode),
  });
}

function canonicalMode(mode: string): string {
  return /^[0-7]+$/.test(mode) ? mode.replace(/^0+/, "").padStart(4, "0") : mode;
}

function textOf(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function expandConfig(input: NonNullable<ImageInput["config"]>): ConfigDocument {
  const { entrypoint, cmd, workdir, stopSignal, author } = input;
  return present({
    entrypoint,
    cmd,
    env: input.env === undefined ? undefined : mapRecord(input.env, (value) => value),
    user: textOf(input.user),
    workdir: workdir === undefined ? undefined : withoutEndSlash(workdir),
    ports: input.ports === undefined ? undefined : sortedSet(input.ports.map(canonicalPort)),
    volumes: input.volumes === undefined ? undefined : sortedSet(input.volumes.map(withoutEndSlash)),
    labels: input.labels === undefined ? undefined : mapRecord(input.labels, (value) => value),
    stopSignal,
    author,
    healthcheck: expandHealthcheck(input.healthcheck),
  });
}

function canonicalPort(port: string | number): string {
  const [number = "", protocol = "tcp"] = String(port).split("/");
  return `${Number(number)}/${protocol}`;
}

function expandHealthcheck(input: NonNullable<ImageInput["config"]>["healthcheck"]): ConfigDocument["healthcheck"] {
  if (input === undefined) return undefined;
  const optional = present({
    intervalMs: millisecondsOf(input.interval),
    timeoutMs: millisecondsOf(input.timeout),
    startPeriodMs: millisecondsOf(input.startPeriod),
    retries: input.retries,
  });
  return { test: input.test, ...optional };
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function millisecondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return Number.parseInt(text, 10) * (unitMs[text.replace(/^[0-9]+/, "")] as number);
}

function expandExpect(input: NonNullable<ImageInput["expect"]>): ExpectDocument {
  const { shell, setuid } = input;
  return {
    ...present({ maxSizeBytes: input.maxSize === undefined ? undefined : bytesOf(input.maxSize), shell, setuid }),
    deny: sortedSet(input.deny ?? []),
    closure: input.closure ?? "strict",
    closureAllow: sortedSet(input.closureAllow ?? []),
  };
}

const unitBytes: Readonly<Record<string, number>> = {
  B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30,
}; // prettier-ignore

/** Whole bytes, rounded down; a thousandth of a unit is the finest step, so this is exact. */
function bytesOf(size: string): number {
  const [, whole = "0", fraction = "", unit = ""] = /^([0-9]+)(?:\.([0-9]+))?([A-Za-z]+)$/.exec(size) ?? [];
  const thousandths = BigInt(whole) * 1000n + BigInt(fraction.padEnd(3, "0"));
  return Number((thousandths * BigInt(unitBytes[unit] as number)) / 1000n);
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function sortedSet(items: readonly string[]): string[] {
  return [...new Set(items)].sort(compareOrdinal);
}

/** A record with its keys in order. */
function mapRecord<T, U>(record: Readonly<Record<string, T>>, map: (value: T, key: string) => U): Record<string, U> {
  const entries = Object.entries(record).sort(([a], [b]) => compareOrdinal(a, b));
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value, key)]));
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The same without the keys that are undefined. */
function present<T extends object>(record: T): Present<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Present<T>;
}
