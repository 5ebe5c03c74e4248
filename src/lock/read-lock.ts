// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isDigest } from "../base/index.ts";
import { safePath } from "../fetch/index.ts";
import { comparePackages, keyOf, type PackageFacts, refsOf } from "./encode-lock.ts";
import type { AskedImage, Lock, LockedImage, LockedPackage, LockedSource } from "./lock.ts";

type Fields = Readonly<Record<string, unknown>>;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,254}$/;
const architecturePattern = /^[a-z0-9][a-z0-9-]*$/;
const versionPattern = /^[A-Za-z0-9.+~:-]+$/;
const overrideNames = ["changed", "expired", "older"];
const bases = ["none", "essential", "minbase"] as const;

/**
 * Turns the JSON value of a lock into a `Lock`; its order and spacing are the caller's to check.
 * Throws `LOCK_INVALID`; `details.near` is a text close to the fault.
 */
export function readLock(value: unknown): Lock {
  const root = fieldsOf(value, "lock", [
    "ashlar",
    "document",
    "compressor",
    "asked",
    "sources",
    "packages",
    "images",
  ]);
  const sources = unique(listOf(root["sources"], "sources").map(readSource), ({ name }) => name, "source");
  const names = new Set(sources.map(({ name }) => name));
  const facts = listOf(root["packages"], "packages").map((item) => readFacts(item, names));
  const asked = unique(listOf(root["asked"], "asked").map(readAsked), ({ image }) => image, "image");
  const images = listOf(root["images"], "images").map(imageReader(facts));
  unique(images, ({ image, platform }) => `${image} ${platform}`, "image");
  checkImages(asked, images);
  checkUse(facts, images);
  const compressor = textOf(root["compressor"], "compressor");
  return { document: digestField(root["document"], "document"), compressor, asked, sources, images };
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
  if (overrides?.length === 0 || overrides?.some((item) => !overrideNames.includes(item))) throw fault("overrides");
  return {
    name: textOf(fields["name"], "name of a source"),
    suite: textOf(fields["suite"], "suite"),
    codename: textOf(fields["codename"], "codename"),
    release: digestField(fields["release"], "release"),
    ...(fields["signature"] === undefined ? {} : { signature: digestField(fields["signature"], "signature") }),
    dateSeconds: countOf(fields["dateSeconds"], "dateSeconds"),
    signedBy,
    ...(overrides === undefined ? {} : { overrides }),
  };
}

function readAsked(value: unknown): AskedImage {
  const fields = fieldsOf(value, "asked", ["image", "from", "sources", "base", "packages", "platforms"]);
  const base = bases.find((item) => item === fields["base"]);
  if (base === undefined) throw fault("base is none of none, essential, minbase");
  return {
    image: textOf(fields["image"], "image"),
    from: textOf(fields["from"], "from"),
    sources: textsOf(fields["sources"], "sources"),
    base,
    packages: textsOf(fields["packages"], "packages"),
    platforms: textsOf(fields["platforms"], "platforms"),
  };
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
  const fields = fieldsOf(value, "package", factsKeys);
  const name = matching(fields["name"], namePattern, "name of a package");
  const from = textOf(fields["from"], "from");
  if (!sources.has(from)) throw fault(`package "${name}" is from source "${from}", which is not listed`, from);
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
  };
}

function imageReader(facts: readonly PackageFacts[]): (value: unknown) => LockedImage {
  const refs = refsOf(facts);
  const byRef = new Map(facts.map((item) => [refs.get(keyOf(item)) as string, item]));
  const names = new Set(facts.map(({ name }) => name));
  return (value) => {
    const fields = fieldsOf(value, "image", ["image", "platform", "packages"]);
    const packages = listOf(fields["packages"], "packages").map((item) => readUse(item, { byRef, names }));
    unique(packages, ({ name, architecture }) => `${name}:${architecture}`, "package");
    return { image: textOf(fields["image"], "image"), platform: textOf(fields["platform"], "platform"), packages };
  };
}

function readUse(
  value: unknown,
  { byRef, names }: { readonly byRef: ReadonlyMap<string, PackageFacts>; readonly names: ReadonlySet<string> },
): LockedPackage {
  const fields = fieldsOf(value, "package of an image", ["package", "phase", "by"], ["use"]);
  const ref = textOf(fields["package"], "package");
  const facts = byRef.get(ref);
  if (facts === undefined) throw fault(`an image holds package "${ref}", which is not listed`, ref);
  const phase = fields["phase"];
  if (phase !== "base" && phase !== "packages") throw fault(`phase of package "${ref}"`, ref);
  const use = fields["use"] ?? "install";
  if (use !== "install" && use !== "data") throw fault(`use of package "${ref}"`, ref);
  const by = textsOf(fields["by"], `by of package "${ref}"`);
  const stranger = by.find((item) => item !== "spec" && item !== "base" && !names.has(item));
  if (stranger !== undefined)
    throw fault(`package "${ref}" is there because of "${stranger}", which is not listed`, ref);
  return { ...facts, phase, use, by };
}

function checkImages(asked: readonly AskedImage[], images: readonly LockedImage[]): void {
  const want = asked.flatMap(({ image, platforms }) => platforms.map((platform) => `${image} ${platform}`)).sort();
  const have = images.map(({ image, platform }) => `${image} ${platform}`).sort();
  const odd = have.find((item) => !want.includes(item)) ?? want.find((item) => !have.includes(item));
  if (odd !== undefined) throw fault(`image and platform "${odd}" do not stand in both "asked" and "images"`);
}

function checkUse(facts: readonly PackageFacts[], images: readonly LockedImage[]): void {
  const used = images.flatMap(({ packages }) => packages);
  const isUsed = new Set(
    used.map(({ name, architecture, version, from }) => `${name} ${architecture} ${version} ${from}`),
  );
  const seen = new Set<string>();
  const digests = new Map<string, Digest>();
  for (const item of [...facts].sort(comparePackages)) {
    const { name, architecture, version, from, digest } = item;
    const same = `${name} ${architecture} ${version}`;
    if (!isUsed.has(`${same} ${from}`)) throw fault(`package "${name}" is listed and no image holds it`, `"${name}"`);
    if (seen.has(`${same} ${from}`)) throw fault(`package "${name}" is listed twice`, `"${name}"`);
    if ((digests.get(same) ?? digest) !== digest) throw fault(`package "${same}" has two digests`, `"${name}"`);
    seen.add(`${same} ${from}`);
    digests.set(same, digest);
  }
}

function fieldsOf(
  value: unknown,
  what: string,
  required: readonly string[],
  optional: readonly string[] = [],
): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault(`${what} is not an object`);
  const keys = Object.keys(value);
  const unknown = keys.find((key) => !required.includes(key) && !optional.includes(key));
  if (unknown !== undefined)
    throw fault(`unknown key ${JSON.stringify(unknown.slice(0, 100))} in ${what}`, `"${unknown}"`);
  const missing = required.find((key) => !keys.includes(key));
  if (missing !== undefined) throw fault(`key "${missing}" is missing in ${what}`);
  return value as Fields;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw fault(`${what} is not a list`);
  return value;
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "") throw fault(`${what} is not a text`);
  return value;
}

function textsOf(value: unknown, what: string): readonly string[] {
  return listOf(value, what).map((item) => textOf(item, what));
}

function matching(value: unknown, pattern: RegExp, what: string): string {
  const text = textOf(value, what);
  if (!pattern.test(text)) throw fault(`${what} is not valid: ${JSON.stringify(text.slice(0, 100))}`, text);
  return text;
}

function digestField(value: unknown, what: string): Digest {
  if (typeof value !== "string" || !isDigest(value)) {
    throw fault(`${what} is not sha256: and 64 lower-case hex digits`, typeof value === "string" ? value : undefined);
  }
  return value;
}

function countOf(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw fault(`${what} is not a count`);
  return value;
}

function unique<T>(items: readonly T[], keyOf: (item: T) => string, what: string): readonly T[] {
  const seen = new Set<string>();
  for (const item of items) {
    const key = keyOf(item);
    if (seen.has(key)) throw fault(`${what} "${key}" is listed twice`, `"${key}"`);
    seen.add(key);
  }
  return items;
}

function fault(why: string, near?: string): AshlarError {
  return new AshlarError("LOCK_INVALID", why, { details: near === undefined ? {} : { near } });
}
