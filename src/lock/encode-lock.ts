// SPDX-License-Identifier: Apache-2.0
import { byText, compareOrdinal, type Json } from "../base/index.ts";
import type { AskedImage, Lock, LockedImage, LockedPackage, LockedSource, LockedStep } from "./lock.ts";

/** The part of a locked package that is the same in every image: the first lines of the file. */
export type PackageFacts = Omit<LockedPackage, "phase" | "use" | "by">;

/**
 * Encodes a lock (docs/lock.md): JSON with keys in a fixed order, one source, package or use of a package a
 * line, sorted, LF, final newline. A package that several images or steps hold is described once.
 */
export function encodeLock(lock: Lock): string {
  const facts = distinctFacts([...lock.images, ...lock.steps]);
  const refs = refsOf(facts);
  const images = [...lock.images].sort(compareImages);
  const steps = [...lock.steps].sort(compareSteps);
  return [
    "{",
    '"ashlar":"lock/v1",',
    `"document":${JSON.stringify(lock.document)},`,
    `"compressor":${JSON.stringify(lock.compressor)},`,
    ...block('"asked":[', [...lock.asked].sort(byText(({ image }) => image)).map(askedLine), "],"),
    ...block('"sources":[', [...lock.sources].sort(byText(({ name }) => name)).map(sourceLine), "],"),
    ...block('"packages":[', facts.map(factsLine), "],"),
    ...block(
      '"images":[',
      images.map((image) => imageLines(image, refs)),
      steps.length === 0 ? "]" : "],",
    ),
    ...(steps.length === 0
      ? []
      : block(
          '"steps":[',
          steps.map((step) => stepLines(step, refs)),
          "]",
        )),
    "}",
    "",
  ].join("\n");
}

function block(open: string, items: readonly string[], close: string): string[] {
  return [open, ...items.map((item, i) => (i < items.length - 1 ? `${item},` : item)), close];
}

/** Order of images: image, platform. */
export function compareImages(a: LockedImage, b: LockedImage): number {
  return compareOrdinal(a.image, b.image) || compareOrdinal(a.platform, b.platform);
}

/** Order of steps: image, step, platform. */
export function compareSteps(a: LockedStep, b: LockedStep): number {
  return (
    compareOrdinal(a.image, b.image) ||
    compareOrdinal(a.step, b.step) ||
    compareOrdinal(a.platform, b.platform)
  );
}

function askedLine({ image, from, sources, base, install, packages, steps, platforms }: AskedImage): string {
  const names = Object.keys(steps).sort(compareOrdinal);
  const tools = Object.fromEntries(names.map((name) => [name, steps[name] as readonly string[]]));
  return line({
    image,
    from,
    sources,
    base,
    install: install === "unpack" ? undefined : install,
    packages,
    steps: names.length === 0 ? undefined : tools,
    platforms,
  });
}

function sourceLine(source: LockedSource): string {
  const { name, suite, codename, release, signature, dateSeconds } = source;
  const overrides = source.overrides === undefined ? undefined : sorted(source.overrides);
  return line({
    name,
    suite,
    codename,
    release,
    signature,
    dateSeconds,
    signedBy: sorted(source.signedBy),
    overrides,
  });
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...texts].sort(compareOrdinal);
}

function factsLine(facts: PackageFacts): string {
  const { name, version, architecture, digest, sizeBytes, filename, sourceName, sourceVersion, from } = facts;
  const unpacked = facts.unpacked === undefined ? undefined : `${facts.unpacked.version}:${facts.unpacked.record}`;
  return line({ name, version, architecture, digest, sizeBytes, filename, sourceName, sourceVersion, from, unpacked });
}

function imageLines(image: LockedImage, refs: ReadonlyMap<string, string>): string {
  const { manifest } = image;
  const head = openLine({ image: image.image, platform: image.platform, manifest });
  const uses = [...image.packages].sort(comparePackages).map((item) => {
    const ref = refs.get(keyOf(item)) as string;
    return line({
      package: ref,
      phase: item.phase,
      use: item.use === "install" ? undefined : item.use,
      by: sorted(item.by),
    });
  });
  return block(head, uses, "]}").join("\n");
}

function stepLines(
  { image, step, platform, packages }: LockedStep,
  refs: ReadonlyMap<string, string>,
): string {
  const uses = [...packages].sort(comparePackages).map((item) => {
    return line({ package: refs.get(keyOf(item)) as string, phase: item.phase, by: sorted(item.by) });
  });
  return block(openLine({ image, step, platform }), uses, "]}").join("\n");
}

/** The line of an object that ends in a list of packages. */
function openLine(value: { readonly [key: string]: Json | undefined }): string {
  return `${line(value).slice(0, -1)},"packages":[`;
}

/** Keys in the order given; JSON.stringify leaves out what is undefined. */
function line(value: { readonly [key: string]: Json | undefined }): string {
  return JSON.stringify(value);
}

/** Order of packages: name, architecture, version, source; by code units. */
export function comparePackages(a: PackageFacts, b: PackageFacts): number {
  return (
    compareOrdinal(a.name, b.name) ||
    compareOrdinal(a.architecture, b.architecture) ||
    compareOrdinal(a.version, b.version) ||
    compareOrdinal(a.from, b.from)
  );
}

/** Names one package of one source; unique in a lock. */
export function keyOf({ name, architecture, version, from }: PackageFacts): string {
  return `${name}:${architecture}=${version}@${from}`;
}

function distinctFacts(holders: readonly (LockedImage | LockedStep)[]): readonly PackageFacts[] {
  const facts = new Map<string, PackageFacts>();
  for (const holder of holders) for (const item of holder.packages) facts.set(keyOf(item), item);
  return [...facts.values()].sort(comparePackages);
}

/**
 * By `keyOf`, how images name their packages: `name:arch`, so that a new version changes one line of the file; only
 * where images hold different ones of that name, `name:arch=version@source`.
 */
export function refsOf(facts: readonly PackageFacts[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  const short = ({ name, architecture }: PackageFacts): string => `${name}:${architecture}`;
  for (const item of facts) counts.set(short(item), (counts.get(short(item)) ?? 0) + 1);
  return new Map(
    facts.map((item) => [keyOf(item), counts.get(short(item)) === 1 ? short(item) : keyOf(item)]),
  );
}
