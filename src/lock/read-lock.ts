// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { safePath } from "../fetch/index.ts";
import { comparePackages, keyOf, type PackageFacts, refsOf } from "./encode-lock.ts";
import type { AskedImage, Lock, LockedImage, LockedPackage, LockedSource, LockedStep, Unpacked } from "./lock.ts";
import {
  countOf,
  digestField,
  fault,
  type Fields,
  fieldsOf,
  listOf,
  matching,
  textOf,
  textsOf,
  unique,
} from "./lock-fields.ts";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,254}$/;
const architecturePattern = /^[a-z0-9][a-z0-9-]*$/;
const stepPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const versionPattern = /^[A-Za-z0-9.+~:-]+$/;
const overrideNames = ["changed", "expired", "older"];
const bases = ["none", "essential", "minbase"] as const;

/**
 * Turns the JSON value of a lock into a `Lock`; its order and spacing are the caller's to check.
 * Throws `LOCK_INVALID`; `details.near` is a text close to the fault.
 */
export function readLock(value: unknown): Lock {
  const keys = ["ashlar", "document", "compressor", "asked", "sources", "packages", "images"];
  const root = fieldsOf(value, "lock", keys, ["steps"]);
  const sources = unique(listOf(root["sources"], "sources").map(readSource), ({ name }) => name, "source");
  const names = new Set(sources.map(({ name }) => name));
  const facts = listOf(root["packages"], "packages").map((item) => readFacts(item, names));
  const asked = unique(listOf(root["asked"], "asked").map(readAsked), ({ image }) => image, "image");
  const known = knownPackages(facts);
  const images = listOf(root["images"], "images").map((item) => readImage(item, known));
  unique(images, ({ image, platform }) => `${image} ${platform}`, "image");
  const steps =
    root["steps"] === undefined ? [] : listOf(root["steps"], "steps").map((item) => readStep(item, known));
  unique(steps, showStep, "step");
  checkSame(
    "images",
    imagesAsked(asked),
    images.map(({ image, platform }) => `${image} ${platform}`),
  );
  checkManifests(asked, images);
  checkSame("steps", stepsAsked(asked), steps.map(showStep));
  checkUse(facts, [...images, ...steps]);
  const compressor = textOf(root["compressor"], "compressor");
  return { document: digestField(root["document"], "document"), compressor, asked, sources, images, steps };
}

function readSource(value: unknown): LockedSource {
  const optional = ["signature", "overrides"];
  const keys = ["name", "suite", "codename", "release", "dateSeconds", "signedBy"];
  const fields = fieldsOf(value, "source", keys, optional);
  const signedBy = textsOf(fields["signedBy"], "signedBy");
  if (signedBy.length === 0 || !signedBy.every((print) => /^([0-9A-F]{40}|[0-9A-F]{64})$/.test(print))) {
    throw fault(`signedBy of source "${String(fields["name"])}" is no list of fingerprints`);
  }
  const overrides = fields["overrides"] === undefined ? undefined : textsOf(fields["overrides"], "overrides");
  if (overrides?.length === 0 || overrides?.some((item) => !overrideNames.includes(item)))
    throw fault("overrides");
  return {
    name: textOf(fields["name"], "name of a source"),
    suite: textOf(fields["suite"], "suite"),
    codename: textOf(fields["codename"], "codename"),
    release: digestField(fields["release"], "release"),
    ...(fields["signature"] === undefined
      ? {}
      : { signature: digestField(fields["signature"], "signature") }),
    dateSeconds: countOf(fields["dateSeconds"], "dateSeconds"),
    signedBy,
    ...(overrides === undefined ? {} : { overrides }),
  };
}

function readAsked(value: unknown): AskedImage {
  const keys = ["image", "from", "sources", "base", "packages", "platforms"];
  const fields = fieldsOf(value, "asked", keys, ["install", "steps"]);
  const base = bases.find((item) => item === fields["base"]);
  if (base === undefined) throw fault("base is none of none, essential, minbase");
  if (fields["install"] !== undefined && fields["install"] !== "full") throw fault('install is not "full"');
  return {
    image: textOf(fields["image"], "image"),
    from: textOf(fields["from"], "from"),
    sources: textsOf(fields["sources"], "sources"),
    base,
    install: fields["install"] ?? "unpack",
    packages: textsOf(fields["packages"], "packages"),
    steps: readAskedSteps(fields["steps"]),
    platforms: textsOf(fields["platforms"], "platforms"),
  };
}

function readAskedSteps(value: unknown): AskedImage["steps"] {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw fault("steps is not an object");
  const steps = Object.entries(value).map(([name, tools]) => {
    return [matching(name, stepPattern, "name of a step"), textsOf(tools, "tools of a step")] as const;
  });
  return Object.fromEntries(steps);
}

const factsKeys = [
  "name",
  "version",
  "architecture",
  "digest",
  "sizeBytes",
  "filename",
  "sourceName",
  "sourceVersion",
  "from",
];

function readFacts(value: unknown, sources: ReadonlySet<string>): PackageFacts {
  const fields = fieldsOf(value, "package", factsKeys, ["unpacked"]);
  const name = matching(fields["name"], namePattern, "name of a package");
  const from = textOf(fields["from"], "from");
  if (!sources.has(from))
    throw fault(`package "${name}" is from source "${from}", which is not listed`, from);
  const filename = textOf(fields["filename"], "filename");
  if (safePath(filename) !== filename) throw fault(`filename of package "${name}"`, filename);
  return {
    name,
    version: matching(fields["version"], versionPattern, `version of package "${name}"`),
    architecture: matching(fields["architecture"], architecturePattern, `architecture of package "${name}"`),
    digest: digestField(fields["digest"], `digest of package "${name}"`),
    sizeBytes: countOf(fields["sizeBytes"], `sizeBytes of package "${name}"`),
    filename,
    sourceName: matching(fields["sourceName"], namePattern, `sourceName of package "${name}"`),
    sourceVersion: matching(fields["sourceVersion"], versionPattern, `sourceVersion of package "${name}"`),
    from,
    ...(fields["unpacked"] === undefined ? {} : { unpacked: readUnpacked(fields["unpacked"], name) }),
  };
}

/** `VERSION:sha256:...` */
function readUnpacked(value: unknown, name: string): Unpacked {
  const what = `unpacked of package "${name}"`;
  const text = matching(value, /^[1-9]\d{0,5}:sha256:/, what);
  const colon = text.indexOf(":");
  return { version: Number(text.slice(0, colon)), record: digestField(text.slice(colon + 1), what) };
}

/** The packages that the lock describes. */
interface KnownPackages {
  /** By what images call them (`refsOf`). */
  readonly byRef: ReadonlyMap<string, PackageFacts>;
  readonly names: ReadonlySet<string>;
}

function knownPackages(facts: readonly PackageFacts[]): KnownPackages {
  const refs = refsOf(facts);
  const byRef = new Map(facts.map((item) => [refs.get(keyOf(item)) as string, item]));
  return { byRef, names: new Set(facts.map(({ name }) => name)) };
}

function readImage(value: unknown, known: KnownPackages): LockedImage {
  const fields = fieldsOf(value, "image", ["image", "platform", "packages"], ["manifest"]);
  return {
    image: textOf(fields["image"], "image"),
    platform: textOf(fields["platform"], "platform"),
    ...(fields["manifest"] === undefined ? {} : { manifest: digestField(fields["manifest"], "manifest") }),
    packages: readUses(fields["packages"], (item) => readUse(item, known)),
  };
}

function readStep(value: unknown, known: KnownPackages): LockedStep {
  const fields = fieldsOf(value, "step", ["image", "step", "platform", "packages"]);
  return {
    image: textOf(fields["image"], "image"),
    step: textOf(fields["step"], "step"),
    platform: textOf(fields["platform"], "platform"),
    packages: readUses(fields["packages"], (item) => readTool(item, known)),
  };
}

function readUses(value: unknown, read: (item: unknown) => LockedPackage): readonly LockedPackage[] {
  const packages = listOf(value, "packages").map(read);
  return unique(packages, ({ name, architecture }) => `${name}:${architecture}`, "package");
}

function readUse(value: unknown, known: KnownPackages): LockedPackage {
  const fields = fieldsOf(value, "package of an image", ["package", "phase", "by"], ["use"]);
  const use = fields["use"] ?? "install";
  if (use === "install" || use === "data" || use === "tools") return { ...readRole(fields, known), use };
  throw fault(`use of package "${String(fields["package"])}"`, String(fields["package"]));
}

function readTool(value: unknown, known: KnownPackages): LockedPackage {
  return {
    ...readRole(fieldsOf(value, "package of a step", ["package", "phase", "by"]), known),
    use: "tools",
  };
}

function readRole(fields: Fields, { byRef, names }: KnownPackages): Omit<LockedPackage, "use"> {
  const ref = textOf(fields["package"], "package");
  const facts = byRef.get(ref);
  if (facts === undefined) throw fault(`an image holds package "${ref}", which is not listed`, ref);
  const phase = fields["phase"];
  if (phase !== "base" && phase !== "packages") throw fault(`phase of package "${ref}"`, ref);
  const by = textsOf(fields["by"], `by of package "${ref}"`);
  const stranger = by.find((item) => item !== "spec" && item !== "base" && !names.has(item));
  if (stranger !== undefined)
    throw fault(`package "${ref}" is there because of "${stranger}", which is not listed`, ref);
  return { ...facts, phase, by };
}

function imagesAsked(asked: readonly AskedImage[]): readonly string[] {
  return asked.flatMap(({ image, platforms }) => platforms.map((platform) => `${image} ${platform}`));
}

/** An image that stands on a foreign one says which, and no other does. */
function checkManifests(asked: readonly AskedImage[], images: readonly LockedImage[]): void {
  const foreign = new Set(asked.filter(({ from }) => from.startsWith("oci:")).map(({ image }) => image));
  const odd = images.find(({ image, manifest }) => (manifest !== undefined) !== foreign.has(image));
  if (odd !== undefined) throw fault(`manifest of image "${odd.image}" is missing, or it stands on none`);
}

function stepsAsked(asked: readonly AskedImage[]): readonly string[] {
  return asked.flatMap(({ image, steps, platforms }) =>
    Object.keys(steps).flatMap((step) => platforms.map((platform) => showStep({ image, step, platform }))),
  );
}

function showStep({ image, step, platform }: Pick<LockedStep, "image" | "step" | "platform">): string {
  return `${image} ${step} ${platform}`;
}

function checkSame(list: "images" | "steps", want: readonly string[], have: readonly string[]): void {
  const [wanted, there] = [new Set(want), new Set(have)];
  const odd = have.find((item) => !wanted.has(item)) ?? want.find((item) => !there.has(item));
  if (odd !== undefined) throw fault(`"${odd}" does not stand in both "asked" and "${list}"`);
}

function checkUse(facts: readonly PackageFacts[], holders: readonly (LockedImage | LockedStep)[]): void {
  const used = holders.flatMap(({ packages }) => packages);
  const isUsed = new Set(
    used.map(({ name, architecture, version, from }) => `${name} ${architecture} ${version} ${from}`),
  );
  const seen = new Set<string>();
  const digests = new Map<string, Digest>();
  const unpacked = new Map<Digest, string>();
  for (const item of [...facts].sort(comparePackages)) {
    const { name, architecture, version, from, digest } = item;
    const record = `${item.unpacked?.version}:${item.unpacked?.record}`;
    const same = `${name} ${architecture} ${version}`;
    if (!isUsed.has(`${same} ${from}`))
      throw fault(`package "${name}" is listed and no image holds it`, `"${name}"`);
    if (seen.has(`${same} ${from}`)) throw fault(`package "${name}" is listed twice`, `"${name}"`);
    if ((digests.get(same) ?? digest) !== digest)
      throw fault(`package "${same}" has two digests`, `"${name}"`);
    if ((unpacked.get(digest) ?? record) !== record)
      throw fault(`package "${same}" unpacks to two records`, `"${name}"`);
    seen.add(`${same} ${from}`);
    digests.set(same, digest);
    unpacked.set(digest, record);
  }
}
