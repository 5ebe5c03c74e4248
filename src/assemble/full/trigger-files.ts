// SPDX-License-Identifier: Apache-2.0
import { byText, nameFromBytes, parsePath } from "../../base/index.ts";
import {
  encodeInterests,
  parseFileInterests,
  parseNamedInterests,
  parseTriggers,
  type TriggerInterest,
} from "../../debian/index.ts";
import type { Contents } from "../content.ts";
import { type DescribedPackage, placeOf, readControl } from "./describe-package.ts";
import { type DatabaseInput, readText } from "./database-input.ts";

/** By file name below `triggers/`, the texts that change. */
export function triggerFiles(input: DatabaseInput): ReadonlyMap<string, string> {
  const files = new Map<string, TriggerInterest[]>();
  const known = parseFileInterests(Buffer.from(readText(input, "triggers/File"), "latin1"));
  const listOf = (trigger: string): TriggerInterest[] => {
    const name = trigger.startsWith("/") ? "File" : trigger;
    const list = files.get(name) ?? interestsBefore(input, name, known);
    files.set(name, list);
    return list;
  };
  for (const item of input.packages) {
    const bytes = readControl(item, "triggers", input.contents);
    if (bytes === undefined) continue;
    for (const { kind, trigger, awaits } of parseTriggers(bytes)) {
      if (kind === "interest") listOf(trigger).push({ trigger, package: item.infoName, awaits });
    }
  }
  const texts = new Map([...files].map(([name, list]) => [name, encodeInterests(list)]));
  const activated = activations(input, new Set(known.map(({ trigger }) => trigger)));
  if (activated.size === 0) return texts;
  const lines = [...activated]
    .sort(byText(([trigger]) => trigger))
    .map(([trigger, who]) => `${trigger} ${[...who].join(" ")}\n`);
  return texts.set("Unincorp", `${readText(input, "triggers/Unincorp")}${lines.join("")}`);
}

function interestsBefore(
  input: DatabaseInput,
  name: string,
  files: readonly TriggerInterest[],
): TriggerInterest[] {
  if (name === "File") return [...files];
  return [...parseNamedInterests(Buffer.from(readText(input, `triggers/${name}`), "latin1"), name)];
}

/**
 * Triggers of configured packages that unpacking sets off, by name, and who waits for them ("-": nobody).
 * Paths are those of the archive, as packages have interests in them.
 */
function activations(
  input: DatabaseInput,
  paths: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const activate = (trigger: string, who: string): void => {
    found.set(trigger, (found.get(trigger) ?? new Set()).add(who));
  };
  for (const item of input.packages) {
    for (const path of paths.size === 0 ? [] : pathsAndParents(item, input.contents)) {
      if (paths.has(path)) activate(path, item.infoName);
    }
    const bytes = readControl(item, "triggers", input.contents);
    for (const { kind, trigger, awaits } of bytes === undefined ? [] : parseTriggers(bytes)) {
      const isKnown = trigger.startsWith("/")
        ? paths.has(trigger)
        : readText(input, `triggers/${trigger}`) !== "";
      if (kind === "activate" && isKnown) activate(trigger, awaits ? item.infoName : "-");
    }
  }
  return found;
}

/** Each path of a package that came into the root, and each above one. */
function pathsAndParents(item: DescribedPackage, contents: Contents): ReadonlySet<string> {
  const there = new Set<string>(item.tree.map(({ path }) => path));
  const all = new Set<string>();
  for (const line of nameFromBytes(contents.read(item.list)).split("\n")) {
    if (line === "" || line === "/.") continue;
    const path = parsePath(line);
    if (!there.has(placeOf(item, path))) continue;
    let at = `/${item.diverted.get(path) ?? path}`;
    for (; at !== "" && !all.has(at); at = at.slice(0, at.lastIndexOf("/"))) all.add(at);
  }
  return all;
}
