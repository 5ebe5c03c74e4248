// SPDX-License-Identifier: Apache-2.0
import { archiveLacking, checkSteps } from "./check-steps.ts";
import {
  type Document,
  type FleetDocument,
  type FromDocument,
  type ImageDocument,
  imagesOf,
} from "./document.ts";
import { type DataPath, didYouMean, type Fault, showDataPath } from "./fault.ts";

/** Finds what the parts of a document contradict each other in. */
export function checkMeaning(document: Document): Fault[] {
  if (document.ashlar === "image/v1") return [...imageFaults(document, []), ...aloneFaults(document)];
  const images = Object.entries(document.images);
  const inner = images.flatMap(([key, image]) => imageFaults(image, ["images", key]));
  return [...inner, ...fleetFaults(document)];
}

/** Takes down a fault at a path below what is being checked. */
export type Say = (path: DataPath, why: string, hint?: string) => void;

function imageFaults(image: ImageDocument, base: DataPath): Fault[] {
  const faults: Fault[] = [];
  const say: Say = (inner, why, hint) => {
    const path = [...base, ...inner];
    faults.push({ path, message: `use ${showDataPath(path)}: ${why}`, hint });
  };
  checkFrom(image, say);
  checkSystem(image, say);
  checkUsers(image, say);
  checkSteps(image, say);
  checkApp(image, say);
  checkConfig(image, say);
  if (!Number.isSafeInteger(image.expect.maxSizeBytes ?? 0)) {
    say(["expect", "maxSize"], "it is too large a number, want a size that a disk may have");
  }
  return faults;
}

function checkFrom({ from, system }: ImageDocument, say: Say): void {
  twice(system.packages, (i, first) =>
    say(["system", "packages", i], `it is named at position ${first} already, want it once`),
  );
  if (system.base !== "none" && from.kind !== "debian") {
    const why =
      from.kind === "scratch" ? "there is no archive to take it from" : "the image below brings its own";
    say(["system", "base"], `${why}, want "none" or from: debian:SUITE`);
  }
  const lacking = archiveLacking(from);
  if (lacking !== undefined && system.packages.length > 0) {
    say(["system", "packages"], `there is no archive to take them from, want ${lacking}`);
  }
  if (from.kind === "debian" || from.kind === "oci") checkSources(from, say);
}

function checkSources(from: Extract<FromDocument, { sources: unknown }>, say: Say): void {
  const words = from.sources.filter((source) => source.archive !== undefined && source.suite !== from.suite);
  if (from.suite === "sid" && words.length > 0)
    say(["from", "sources"], "sid has neither updates nor security nor backports");
  twice(
    from.sources.map((source) => source.name),
    () => say(["from", "sources"], "two sources have the same name, want name: ... in one of them"),
  );
}

/** What maintainer scripts and commands on the system need. */
function checkSystem({ from, system }: ImageDocument, say: Say): void {
  if (system.install === "full") {
    if (from.kind === "scratch") {
      say(
        ["system", "install"],
        'there are no packages whose scripts could run, want "unpack" or from: debian:SUITE',
      );
    }
    for (const i of system.run.keys()) {
      if (!Object.hasOwn(system.run[i]?.env ?? {}, "INPUTS")) continue;
      say(["system", "run", i, "env", "INPUTS"], "Ashlar sets it, want another name");
    }
    return;
  }
  if (system.run.length > 0) say(["system", "run"], "commands on the system need install: full");
  if (Object.keys(system.debconf).length > 0) {
    say(["system", "debconf"], "no maintainer script asks anything with install: unpack, want install: full");
  }
}

function twice(items: readonly string[], found: (index: number, first: number) => void): void {
  const first = new Map<string, number>();
  items.forEach((item, i) => {
    const before = first.get(item);
    if (before === undefined) first.set(item, i);
    else found(i, before);
  });
}

function checkUsers({ users }: ImageDocument, say: Say): void {
  const names = Object.keys(users);
  twice(
    names.map((name) => String(users[name]?.uid)),
    (i, first) => say(["users", names[i] as string, "uid"], `"${names[first]}" has this uid, want another`),
  );
}

function checkApp({ app }: ImageDocument, say: Say): void {
  app.forEach((item, i) => {
    const [key, path] = "to" in item ? ["to", item.to] : ["path", item.path];
    const at = ["app", i, item.kind, key];
    if (path === "/" && item.kind !== "copy" && item.kind !== "output")
      say(at, "it is the root directory, want a path below it");
    else if (path.endsWith("/") && (item.kind === "write" || item.kind === "link")) {
      say(at, `it is ${JSON.stringify(path)}, want the path of a file, without "/" at the end`);
    }
  });
}

function checkConfig({ config }: ImageDocument, say: Say): void {
  for (const port of config.ports ?? []) {
    const number = Number.parseInt(port, 10);
    if (number < 1 || number > 65535) say(["config", "ports"], `${port} is not a port, want 1 to 65535`);
  }
  const [kind, ...rest] = config.healthcheck?.test ?? ["NONE"];
  const fits = kind === "CMD" ? rest.length > 0 : rest.length === (kind === "NONE" ? 0 : 1);
  if (!fits)
    say(["config", "healthcheck", "test"], "want [CMD, program, argument, ...], [CMD-SHELL, text] or [NONE]");
}

function aloneFaults({ from }: ImageDocument): Fault[] {
  if (from.kind !== "image") return [];
  const message = `use from: an image by itself cannot stand on "${from.image}", want ashlar: fleet/v1 with both`;
  return [{ path: ["from"], message }];
}

function fleetFaults(fleet: FleetDocument): Fault[] {
  const faults: Fault[] = [];
  const keys = Object.keys(fleet.images);
  if (keys.length === 0)
    faults.push({ path: ["images"], message: "use images: it is empty, want at least one image" });
  const names = keys.map((key) => fullName(fleet, fleet.images[key] as ImageDocument));
  twice(names, (i, first) => {
    const path = ["images", keys[i] as string];
    faults.push({
      path,
      message: `use ${showDataPath(path)}: "${keys[first]}" has the name "${names[i]}" already, want another`,
    });
  });
  for (const key of keys) faults.push(...parentFaults(fleet, key));
  return faults;
}

function fullName(fleet: FleetDocument, image: ImageDocument): string {
  return fleet.registry === undefined || image.name.includes("/")
    ? image.name
    : `${fleet.registry}/${image.name}`;
}

function parentFaults(fleet: FleetDocument, key: string): Fault[] {
  const image = fleet.images[key] as ImageDocument;
  if (image.from.kind !== "image") return [];
  const path = ["images", key, "from"];
  const object = `use ${showDataPath(path)}`;
  const parent = imageOf(fleet, image.from.image);
  if (parent === undefined) {
    const meant = didYouMean(image.from.image, Object.keys(fleet.images));
    const known = Object.keys(fleet.images).filter((other) => other !== key);
    const message = `${object}: there is no image "${image.from.image}", want one of ${known.join(", ")}`;
    return [{ path, message, hint: meant === undefined ? undefined : `did you mean "${meant}"?` }];
  }
  const chain = chainOf(fleet, key);
  if (chain.root === undefined)
    return [{ path, message: `${object}: it stands on itself (${chain.keys.join(" -> ")})` }];
  const faults: Fault[] = [];
  const say = (inner: DataPath, why: string): void => {
    const where = ["images", key, ...inner];
    faults.push({ path: where, message: `use ${showDataPath(where)}: ${why}` });
  };
  const lacking = image.platforms.filter((platform) => !parent.platforms.includes(platform));
  if (lacking.length > 0) {
    say(
      ["platforms"],
      `"${image.from.image}" is not made for ${lacking.join(", ")}, want a subset of its platforms`,
    );
  }
  if (image.system.install !== parent.system.install) {
    const { install } = parent.system;
    say(
      ["system", "install"],
      `"${image.from.image}" below is installed with "${install}", want "${install}" too`,
    );
  }
  if (archiveLacking(chain.root) !== undefined) {
    const want = "an image that stands on debian:SUITE";
    if (image.system.packages.length > 0) {
      say(["system", "packages"], `there is no archive to take them from below, want ${want}`);
    }
    if (Object.keys(image.steps).length > 0) {
      say(["steps"], `there is no archive to take their tools from below, want ${want}`);
    }
  }
  return faults;
}

function imageOf(fleet: FleetDocument, key: string): ImageDocument | undefined {
  return Object.hasOwn(fleet.images, key) ? imagesOf(fleet)[key] : undefined;
}

/** The keys from an image down, and what the lowest stands on; no root where they go round in a circle. */
function chainOf(
  fleet: FleetDocument,
  key: string,
): { keys: string[]; root: ImageDocument["from"] | undefined } {
  const keys = [key];
  for (;;) {
    const from = imageOf(fleet, keys.at(-1) as string)?.from;
    if (from === undefined || from.kind !== "image")
      return { keys, root: from ?? { kind: "image", image: "" } };
    keys.push(from.image);
    if (keys.indexOf(from.image) < keys.length - 1) return { keys, root: undefined };
  }
}
