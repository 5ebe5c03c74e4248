// SPDX-License-Identifier: Apache-2.0
import { byText, canonicalJson, compareOrdinal, digestOf, hexOf, type Json } from "../base/index.ts";
import { type Document, type FromDocument, imagesOf, type SourceDocument } from "../spec/index.ts";
import type { AskedImage } from "./lock.ts";
import { stepTools } from "./step-tools.ts";

/** What a document asks of the archives; two documents that ask the same have the same packages. */
export function askedOf(document: Document): readonly AskedImage[] {
  const asked = Object.entries(imagesOf(document)).map(
    ([image, { from, system, steps, platforms }]): AskedImage => ({
      image,
      from: showFrom(from),
      sources: "sources" in from ? from.sources.map(sourceMark) : [],
      base: system.base,
      install: system.install,
      packages: system.packages,
      steps: Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, stepTools(step)])),
      platforms: [...platforms].sort(compareOrdinal),
    }),
  );
  return asked.sort(byText(({ image }) => image));
}

function showFrom(from: FromDocument): string {
  switch (from.kind) {
    case "debian":
      return `debian:${from.suite}`;
    case "image":
      return `image:${from.image}`;
    case "oci":
      return `oci:${from.name}@${from.digest}${from.suite === undefined ? "" : ` debian:${from.suite}`}`;
    case "scratch":
      return "scratch";
  }
}

function sourceMark(source: SourceDocument): string {
  return `${source.name}@${hexOf(digestOf(canonicalJson(source as unknown as Json))).slice(0, 8)}`;
}

/** Tells what differs between what a lock was asked and what is asked now, one line a difference. */
export function askedChanges(before: readonly AskedImage[], after: readonly AskedImage[]): readonly string[] {
  const old = new Map(before.map((asked) => [asked.image, asked]));
  const changes: string[] = [];
  for (const asked of after) {
    const was = old.get(asked.image);
    old.delete(asked.image);
    if (was === undefined) changes.push(`image "${asked.image}" is new`);
    else changes.push(...imageChanges(was, asked).map((change) => `image "${asked.image}": ${change}`));
  }
  for (const image of old.keys()) changes.push(`image "${image}" is gone`);
  return changes;
}

function imageChanges(was: AskedImage, now: AskedImage): string[] {
  const changes: string[] = [];
  if (was.from !== now.from) changes.push(`from was ${was.from}, is ${now.from}`);
  if (was.base !== now.base) changes.push(`base was ${was.base}, is ${now.base}`);
  if (was.install !== now.install) changes.push(`install was ${was.install}, is ${now.install}`);
  changes.push(...listChanges("source", was.sources.map(nameOf), now.sources.map(nameOf)));
  const redescribed = now.sources.filter((mark) => !was.sources.includes(mark)).map(nameOf);
  const kept = new Set(was.sources.map(nameOf));
  for (const name of redescribed.filter((item) => kept.has(item)))
    changes.push(`source ${name} is described otherwise`);
  changes.push(...listChanges("package", was.packages, now.packages));
  changes.push(...stepChanges(was.steps, now.steps));
  changes.push(...listChanges("platform", was.platforms, now.platforms));
  if (
    changes.length === 0 &&
    canonicalJson(was as unknown as Json) !== canonicalJson(now as unknown as Json)
  ) {
    changes.push("packages or sources stand in another order");
  }
  return changes;
}

function stepChanges(was: AskedImage["steps"], now: AskedImage["steps"]): string[] {
  const both = Object.keys(now).filter((name) => Object.hasOwn(was, name));
  const tools = both.flatMap((name) =>
    listChanges("tool", was[name] ?? [], now[name] ?? []).map((change) => `step "${name}": ${change}`),
  );
  return [...listChanges("step", Object.keys(was), Object.keys(now)), ...tools];
}

function nameOf(mark: string): string {
  return mark.slice(0, mark.lastIndexOf("@"));
}

function listChanges(what: string, was: readonly string[], now: readonly string[]): string[] {
  const added = now.filter((item) => !was.includes(item)).map((item) => `${what} ${item} was added`);
  const removed = was.filter((item) => !now.includes(item)).map((item) => `${what} ${item} was removed`);
  return [...added, ...removed];
}
