// SPDX-License-Identifier: Apache-2.0
import type { z } from "zod";

import { type DataPath, didYouMean, type Fault, type Locator, showDataPath } from "./fault.ts";
import { shapesAt } from "./shape-at.ts";

type Issue = z.core.$ZodIssue;

/** Checks data against a shape; every fault is found, each path is named once. */
export function checkShape<T extends z.ZodType>(
  shape: T,
  value: unknown,
  locator: Locator,
): { readonly data: z.output<T>; readonly faults: readonly Fault[] } {
  const result = shape.safeParse(value);
  if (result.success) return { data: result.data, faults: [] };
  const check: Check = { shape, value, locator };
  const faults = result.error.issues.flatMap((issue) => faultsOf(check, flatten(issue)));
  return { data: undefined as z.output<T>, faults: withoutEchoes(faults) };
}

interface Check {
  readonly shape: z.ZodType;
  readonly value: unknown;
  readonly locator: Locator;
}

/** Of a union that has no text of its own, the alternative that was probably meant speaks. */
function flatten(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union" || issue.message !== "Invalid input") return [issue];
  const branches = (issue.errors as Issue[][]).map((issues) => ({ issues, cost: costOf(issues) }));
  branches.sort((a, b) => a.cost - b.cost);
  const best = branches[0]?.issues ?? [];
  // An unknown key next to no known one fits no alternative: say so once, not once for each.
  const unknown = best.find((inner) => inner.path.length === 0 && inner.code === "unrecognized_keys");
  const chosen = unknown === undefined ? best : best.filter((inner) => !isMissing(inner) || inner.path.length > 1);
  return chosen.flatMap((inner) => flatten({ ...inner, path: [...issue.path, ...inner.path] } as Issue));
}

function costOf(issues: readonly Issue[]): number {
  let cost = 0;
  for (const issue of issues) {
    const atTop = issue.path.length === 0;
    if (atTop && issue.code === "invalid_type") cost += 1000;
    else if (atTop && issue.code === "invalid_value") cost += 500;
    else if (atTop && issue.code === "unrecognized_keys") cost += 100;
    else if (issue.path.length === 1 && isMissing(issue)) cost += 10;
    else cost += 1;
  }
  return cost;
}

function isMissing(issue: Issue): boolean {
  return issue.code === "invalid_type" && issue.input === undefined;
}

function faultsOf(check: Check, issues: readonly Issue[]): Fault[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(check, path, key));
    if (issue.code === "invalid_key") return [badKey(path, issue.issues[0]?.message ?? "another name")];
    return [badValue(check, path, issue)];
  });
}

/** Keys of the design that this version does not know how to fulfil, or that are called otherwise now. */
const planned: Readonly<Record<string, string>> = {
  deps: "this version of Ashlar cannot install language dependencies yet; put them in place with copy",
  smoke: "this version of Ashlar cannot run smoke tests yet",
  policy: "this version of Ashlar knows no fleet policies yet",
  essential: "whether the Essential set is in the image is said by base: essential or base: none",
  scripts: 'whether maintainer scripts run is said by install: "unpack" or install: "full"',
  spec: 'the first line is "ashlar: image/v1", and the fields follow at top level',
  image: 'the first line is "ashlar: image/v1", and the fields follow at top level',
};

function unknownKey(check: Check, parent: DataPath, key: string): Fault {
  const known = shapesAt.keys(check.shape, parent);
  const path = [...parent, key];
  const object = parent.length === 0 ? `key "${key}"` : `key "${key}" of ${showDataPath(parent)}`;
  if (Object.hasOwn(planned, key) && !known.includes(key)) {
    return { path, onKey: true, message: `use ${object}: ${planned[key]}` };
  }
  const meant = didYouMean(key, known);
  if (shapesAt.isChoice(check.shape, parent) && known.includes(key)) {
    const beside = Object.keys(valueAt(check.value, parent) as object);
    const rival = beside.find((name) => name !== key && !shapesAt.keysBeside(check.shape, parent, key).includes(name));
    if (rival !== undefined) {
      return { path, onKey: true, message: `use ${object}: beside "${rival}", want one of them` };
    }
    const needed = shapesAt.neededBeside(check.shape, parent, key).filter((name) => !beside.includes(name));
    return { path, onKey: true, message: `use ${object}: it says nothing alone, want ${needed.join(", ")} beside it` };
  }
  const hint = meant === undefined ? undefined : `did you mean "${meant}"?`;
  return { path, onKey: true, message: `use ${object}: it is unknown, want one of ${known.join(", ")}`, hint };
}

function badKey(path: DataPath, want: string): Fault {
  return { path, onKey: true, message: `use key ${JSON.stringify(path.at(-1))}: want ${want}` };
}

function badValue(check: Check, path: DataPath, issue: Issue): Fault {
  const value = valueAt(check.value, path);
  const want = wantOf(check, path, issue);
  if (value === undefined) {
    const parent = path.slice(0, -1);
    return { path: parent, message: `use ${showDataPath(parent)}: key "${path.at(-1)}" is missing, want ${want}` };
  }
  const message = `use ${showDataPath(path)}: it is ${show(value)}, want ${want}`;
  return { path, message, hint: hintFor(check, path, value, issue) };
}

function wantOf(check: Check, path: DataPath, issue: Issue): string {
  if (issue.code === "invalid_value") return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
  // Texts of our own begin in lower case or with a quote; the library's begin with a capital.
  if (!/^(Invalid|Too|Unrecognized|Expected)/.test(issue.message)) return issue.message;
  if (issue.code !== "invalid_type") return "another value";
  switch (issue.expected) {
    case "object":
      return `a mapping with the keys ${shapesAt.keys(check.shape, path).join(", ")}`;
    case "record":
      return "a mapping";
    case "array":
    case "tuple":
      return "a list";
    case "boolean":
      return "true or false";
    case "string":
      return "text";
    default:
      return `a ${issue.expected}`;
  }
}

function hintFor(check: Check, path: DataPath, value: unknown, issue: Issue): string | undefined {
  if (issue.code === "invalid_value" && typeof value === "string") {
    const meant = didYouMean(value, issue.values.map(String));
    return meant === undefined ? undefined : `did you mean "${meant}"?`;
  }
  if ((typeof value === "number" || typeof value === "boolean") && shapesAt.takesText(check.shape, path)) {
    const raw = check.locator.rawOf?.(path) ?? String(value);
    return `put it in quotes, since it means a ${typeof value} without them: "${raw}"`;
  }
  if (typeof value === "string" && isUnpinned(path, value)) {
    const name = value.replace(/^oci:/, "").replace(/@.*$/, "");
    return `find the digest with: skopeo inspect --format "{{.Digest}}" docker://${name}`;
  }
  const isList = issue.code === "invalid_type" && issue.expected === "array";
  if (isList && typeof value === "string") return `write [${JSON.stringify(value)}]`;
  return undefined;
}

/** A foreign image by tag: what it means may change any day. */
function isUnpinned(path: DataPath, value: string): boolean {
  if (!/^[\w.:/@-]+$/.test(value)) return false;
  return path.at(-1) === "oci" || (path.at(-1) === "from" && value.startsWith("oci:"));
}

function show(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  const text = typeof value === "string" ? JSON.stringify(value) : `the ${typeof value} ${String(value)}`;
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}

function valueAt(value: unknown, path: DataPath): unknown {
  let inner = value;
  for (const part of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, part)) return undefined;
    inner = (inner as Record<string | number, unknown>)[part];
  }
  return inner;
}

/** One fault a place: a value that breaks two rules, or a missing key beside its misspelling, is one mistake. */
function withoutEchoes(faults: readonly Fault[]): Fault[] {
  const meant = new Set(
    faults.flatMap((fault) => (fault.onKey ? [/^did you mean "(.*)"\?$/.exec(fault.hint ?? "")?.[1]] : [])),
  );
  const seen = new Set<string>();
  return faults.filter((fault) => {
    const missing = /: key "([^"]*)" is missing/.exec(fault.message)?.[1];
    if (missing !== undefined && meant.has(missing)) return false;
    const key = JSON.stringify([fault.path, missing]);
    return !seen.has(key) && seen.add(key);
  });
}
