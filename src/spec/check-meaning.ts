// SPDX-License-Identifier: Apache-2.0
import { type Document, type FleetDocument, type ImageDocument, imagesOf } from "./document.ts";
import { type DataPath, didYouMean, type Fault, showDataPath } from "./fault.ts";

/** Finds what the parts of a document contradict each other in. */
export function checkMeaning(document: Document): Fault[] {
  if (document.ashlar === "image/v1") return [...imageFaults(document, []), ...aloneFaults(document)];
  const images = Object.entries(document.images);
  const inner = images.flatMap(([key, image]) => imageFaults(image, ["images", key]));
  return [...inner, ...fleetFaults(document)];
}

type Say = (path: DataPath, why: string, hint?: string) => void;

function imageFaults(image: ImageDocument, base: DataPath): Fault[] {
  const faults: Fault[] = [];
  const say: Say = (inner, why, hint) => {
    const path = [...base, ...inner];
    faults.push({ path, message: `use ${showDataPath(path)}: ${why}`, hint });
  };
  checkFrom(image, say);
  checkUsers(image, say);
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
  if (from.kind !== "debian") {
    if (system.base !== "none") {
      const why =
        from.kind === "scratch" ? "there is no archive to take it from" : "the image below brings its own";
      say(["system", "base"], `${why}, want "none" or from: debian:SUITE`);
    }
    if (from.kind === "scratch" && system.packages.length > 0) {
      say(["system", "packages"], "there is no archive to take them from, want from: debian:SUITE");
    }
    return;
  }
  const words = from.sources.filter((source) => source.archive !== undefined && source.suite !== from.suite);
  if (from.suite === "sid" && words.length > 0)
    say(["from", "sources"], "sid has neither updates nor security nor backports");
  twice(
    from.sources.map((source) => source.name),
    () => say(["from", "sources"], "two sources have the same name, want name: ... in one of them"),
  );
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
  const lacking = image.platforms.filter((platform) => !parent.platforms.includes(platform));
  if (lacking.length > 0) {
    const where = ["images", key, "platforms"];
    const why = `"${image.from.image}" is not made for ${lacking.join(", ")}, want a subset of its platforms`;
    const message = `use ${showDataPath(where)}: ${why}`;
    faults.push({ path: where, message });
  }
  if (chain.root.kind === "scratch" && image.system.packages.length > 0) {
    const where = ["images", key, "system", "packages"];
    const why = "there is no archive to take them from below, want an image that stands on debian:SUITE";
    const message = `use ${showDataPath(where)}: ${why}`;
    faults.push({ path: where, message });
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
