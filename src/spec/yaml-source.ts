// SPDX-License-Identifier: Apache-2.0
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";

import type { Place } from "../base/index.ts";
import { type DataPath, type Fault, type Locator, showDataPath } from "./fault.ts";
import { dataBounds, keyFault, textFault, tooMuch } from "./plain-value.ts";
import type { Source, SpecText } from "./source.ts";
import { lineColumnAt, placeAt } from "./text-place.ts";

/** Reads a YAML 1.2 spec (JSON is YAML, too): core schema, no tags, no merge keys, no duplicate keys. */
export function readYaml(spec: SpecText): Source {
  const inputs: Source["inputs"] = [];
  let document: Document;
  let targets: Targets;
  try {
    // Looking for duplicate keys takes the library the square of their number; `toValue` does it in one pass.
    document = parseDocument(spec.text, { version: "1.2", schema: "core", uniqueKeys: false, prettyErrors: false });
    targets = targetsIn(document);
  } catch (error) {
    const why = error instanceof RangeError ? "it is nested too deep" : String(error).slice(0, 200);
    const locator: Locator = { placeOf: () => ({ file: spec.file }) };
    return { value: undefined, faults: [{ path: [], message: `read YAML: ${why}` }], locator, inputs };
  }
  const locator = locatorOf(spec, document, targets);
  const syntax = [...document.errors, ...document.warnings].map(({ message, pos }): Fault => {
    const where = placeAt(spec.file, spec.text, lineColumnAt(spec.text, pos[0]));
    return { path: [], message: `read YAML: ${message.split("\n")[0]}`, hint: syntaxHint(message), where };
  });
  if (syntax.length > 0) return { value: undefined, faults: syntax, locator, inputs };
  const reader: Reader = { targets, faults: [], values: 0 };
  const value = toValue(reader, document.contents as Node | null, []);
  if (reader.values > dataBounds.values) {
    const why = `it holds more than ${dataBounds.values} values, anchors counted each time they are used`;
    return { value: undefined, faults: [tooMuch(why)], locator, inputs };
  }
  return { value, faults: reader.faults, locator, inputs };
}

function syntaxHint(message: string): string | undefined {
  if (/tab/i.test(message)) return "indent with spaces";
  if (/multiple documents/i.test(message)) return "write one document a file, without ---";
  return undefined;
}

interface Reader {
  readonly targets: Targets;
  readonly faults: Fault[];
  values: number;
}

function toValue(reader: Reader, node: Node | null, path: DataPath): unknown {
  if (++reader.values > dataBounds.values) return undefined;
  if (path.length > dataBounds.depth) return say(reader, path, `it is nested more than ${dataBounds.depth} deep`);
  if (node === null) return null;
  if (isAlias(node)) {
    const target = reader.targets.get(node);
    if (target === undefined) return say(reader, path, `there is no anchor "&${node.source}" before it`);
    return toValue(reader, target, path);
  }
  if (node.tag !== undefined) return say(reader, path, `it has the tag ${node.tag}, want plain data without tags`);
  if (isSeq(node)) return node.items.map((item, i) => toValue(reader, item as Node, [...path, i]));
  if (isMap(node)) return mapToValue(reader, node, path);
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === "bigint") return Number(value);
  const fault = typeof value === "string" ? textFault(value) : undefined;
  if (fault !== undefined) say(reader, path, fault);
  return value;
}

function mapToValue(reader: Reader, node: YAMLMap, path: DataPath): unknown {
  const entries = new Map<string, unknown>();
  for (const pair of node.items) {
    const key = keyOf(pair);
    if (key === undefined) {
      say(reader, path, "a key in it is not text, want it in quotes");
      continue;
    }
    const inside = [...path, key];
    const fault = entries.has(key)
      ? "this key occurs twice"
      : key === "<<"
        ? "merge keys are not part of specs"
        : keyFault(key);
    if (fault !== undefined) say(reader, inside, fault, true);
    else entries.set(key, toValue(reader, pair.value as Node | null, inside));
  }
  return Object.fromEntries(entries);
}

/** A key's text. Numbers keep the spelling they were typed in. */
function keyOf(pair: Pair): string | undefined {
  const key = pair.key;
  if (typeof key === "string") return key;
  if (!isScalar(key)) return undefined;
  return typeof key.value === "string" ? key.value : typeof key.value === "number" ? key.source : undefined;
}

function say(reader: Reader, path: DataPath, why: string, onKey = false): undefined {
  reader.faults.push({ path, onKey, message: `use ${showDataPath(path)}: ${why}` });
  return undefined;
}

type Targets = ReadonlyMap<Alias, Node | undefined>;

/** What each alias stands for: the last node before it with that anchor. One walk; the library needs one for each. */
function targetsIn(document: Document): Targets {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node | undefined>();
  const visit = (node: Node | null): void => {
    if (node === null) return;
    if (isAlias(node)) return void targets.set(node, anchors.get(node.source));
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    if (isSeq(node)) for (const item of node.items) visit(item as Node);
    if (!isMap(node)) return;
    for (const pair of node.items) {
      visit(pair.key as Node | null);
      visit(pair.value as Node | null);
    }
  };
  visit(document.contents as Node | null);
  return targets;
}

function locatorOf(spec: SpecText, document: Document, targets: Targets): Locator {
  const rangeOf = (path: DataPath, onKey: boolean): readonly [number, number] =>
    rangeIn({ document, targets }, path, onKey);
  return {
    placeOf(path, onKey): Place {
      const [start, end] = rangeOf(path, onKey);
      const oneLine = spec.text.slice(start, end).split(/\r?\n/)[0] as string;
      return placeAt(spec.file, spec.text, { ...lineColumnAt(spec.text, start), length: oneLine.length });
    },
    rawOf(path) {
      const [start, end] = rangeOf(path, false);
      return spec.text.slice(start, end);
    },
  };
}

/** Where the value at a path stands, or its last key; where it is missing, the nearest thing around it. */
function rangeIn(
  { document, targets }: { document: Document; targets: Targets },
  path: DataPath,
  onKey: boolean,
): readonly [number, number] {
  let node = document.contents as Node | null;
  let range: readonly [number, number] = node?.range?.[0] === undefined ? [0, 0] : [node.range[0], node.range[0]];
  for (const [i, part] of path.entries()) {
    if (isAlias(node)) node = targets.get(node) ?? null;
    if (isMap(node)) {
      const pairs = node.items.filter((item) => keyOf(item) === String(part));
      const last = i === path.length - 1;
      // Of a key that occurs twice, the second is the fault.
      const pair = last && onKey ? pairs.at(-1) : pairs[0];
      if (pair === undefined) return range;
      const key = (pair.key as Node).range;
      if (key) range = [key[0], key[1]];
      if (last && onKey) return range;
      node = pair.value as Node | null;
    } else if (isSeq(node)) {
      node = (node.items[Number(part)] as Node | undefined) ?? null;
    } else return range;
    if (node?.range && node.range[1] > node.range[0]) range = [node.range[0], node.range[1]];
  }
  return range;
}
