// SPDX-License-Identifier: Apache-2.0
import type {
  AppItem,
  ConfigDocument,
  ExpectDocument,
  FleetDocument,
  FromDocument,
  ImageDocument,
  SystemDocument,
  UserDocument,
} from "./document.ts";
import { expandFrom } from "./expand-from.ts";
import { bytesOf, canonicalRelation, listOf, mapRecord, present, sortedSet, withoutDotSlash } from "./expand-parts.ts";
import { expandRun, expandStep } from "./expand-steps.ts";
import { usualBase, usualClosure, usualInstall } from "./inherit.ts";
import type { FleetImageInput, FleetInput, ImageInput, ItemInput, SystemInput } from "./shape.ts";

/**
 * Fills in the defaults, opens the short forms and sorts what has no order, so that equal images are equal text.
 * Expects data that passed `checkShape`; what the parts mean together is checked by `checkMeaning`.
 */
export function expandImage(input: ImageInput): ImageDocument {
  return expandOne(input, input.name, []);
}

export function expandFleet(input: FleetInput): FleetDocument {
  const images = mapRecord(input.images, (image, key) =>
    expandOne(image, image.name ?? key, imagesBelow(input, key)),
  );
  return { ashlar: "fleet/v1", ...present({ registry: input.registry }), images };
}

/** The images that an image stands on, nearest first; as far as they go where one is missing or they go round. */
function imagesBelow(fleet: FleetInput, key: string): readonly FleetImageInput[] {
  const below = new Map<string, FleetImageInput>();
  let image = fleet.images[key];
  while (typeof image?.from === "object" && "image" in image.from) {
    const next: string = image.from.image;
    if (below.has(next) || !Object.hasOwn(fleet.images, next)) break;
    image = fleet.images[next] as FleetImageInput;
    below.set(next, image);
  }
  return [...below.values()];
}

/** Platforms and the way of installing are those of the nearest image below that names them. */
function expandOne(input: FleetImageInput, name: string, below: readonly FleetImageInput[]): ImageDocument {
  const lowest = expandFrom((below.at(-1) ?? input).from);
  const all = [input, ...below];
  const platforms = all.find((image) => image.platforms !== undefined)?.platforms ?? ["linux/amd64"];
  const install = all.find((image) => image.system?.install !== undefined)?.system?.install;
  const from = expandFrom(input.from);
  const system = expandSystem(input.system, from, install ?? usualInstall(lowest));
  return {
    ashlar: "image/v1",
    name,
    from,
    platforms: sortedSet(platforms),
    system,
    users: mapRecord(input.users ?? {}, expandUser),
    steps: mapRecord(input.steps ?? {}, expandStep),
    app: (input.app ?? []).map(expandItem),
    config: expandConfig(input.config ?? {}),
    expect: expandExpect(input.expect ?? {}, system.install),
    lifecycle: present({ eol: input.lifecycle?.eol, successor: input.lifecycle?.successor }),
    layers: { packages: input.layers?.packages ?? 1 },
  };
}

function expandSystem(
  input: SystemInput = {},
  from: FromDocument,
  install: SystemDocument["install"],
): SystemDocument {
  return {
    base: input.base ?? usualBase(from, install),
    packages: (input.packages ?? []).map(canonicalRelation),
    install,
    strip: sortedSet(input.strip ?? []),
    only: mapRecord(input.only ?? {}, (globs) => sortedSet(listOf(globs))),
    debconf: mapRecord(input.debconf ?? {}, (answer) => answer),
    run: (input.run ?? []).map(expandRun),
  };
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
  if ("output" in input) {
    const { step, path, to, ...placing } = input.output;
    const from = sortedSet(listOf(path).map(withoutDotSlash));
    return { kind: "output", step, from, to: copyTarget(to, from), ...expandPlacing(placing) };
  }
  return { kind: "link", path: input.link.path, target: input.link.target };
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

function expandExpect(
  input: NonNullable<ImageInput["expect"]>,
  install: SystemDocument["install"],
): ExpectDocument {
  const { shell, setuid } = input;
  return {
    ...present({ maxSizeBytes: input.maxSize === undefined ? undefined : bytesOf(input.maxSize), shell, setuid }),
    deny: sortedSet(input.deny ?? []),
    closure: input.closure ?? usualClosure(install),
    closureAllow: sortedSet(input.closureAllow ?? []),
  };
}

