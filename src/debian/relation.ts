// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

export type VersionOperator = "<<" | "<=" | "=" | ">=" | ">>";

/** One package asked for, e.g. `libc6:any (>= 2.36) [amd64] <!nocheck>`. */
export interface Relation {
  readonly name: string;
  /** What stands behind the colon: "any", "native" or an architecture. */
  readonly archQualifier?: string;
  readonly version?: { readonly op: VersionOperator; readonly version: string };
  /** As written, with `!` where it is; only source packages have these. */
  readonly architectures?: readonly string[];
  /** Restriction formulas, one list a pair of angle brackets. */
  readonly profiles?: readonly (readonly string[])[];
}

/** Alternatives: one of them fulfils the group. */
export type RelationGroup = readonly Relation[];

/** The longest real one, a Provides, has some 60 kB. */
const textLengthMax = 1 << 20;

const pattern = new RegExp(
  [
    /\s*([A-Za-z0-9][A-Za-z0-9+._-]*)(?::([a-z0-9-]+))?/, // name:qualifier
    /\s*(?:\(\s*(<<|<=|>=|>>|=|<|>)\s*([A-Za-z0-9.+~:-]{1,1024})\s*\))?/, // (op version)
    /\s*(?:\[([^\][<>(),|]*)\])?/, // [architectures]
    /\s*((?:<[^\][<>(),|]*>\s*)*)/, // <profiles>
  ]
    .map((part) => part.source)
    .join(""),
  "y",
);

/** Deprecated spellings that dpkg still reads; they always included equality. */
const operators: Readonly<Record<string, VersionOperator>> = { "<": "<=", ">": ">=" };

/**
 * Parses the value of Depends and its kin; white space, also over lines, does not count. An empty value has no
 * groups. Throws `DEBIAN_RELATION_INVALID` with the offset. Source: deb-control(5), Debian Policy §7.1.
 */
export function parseRelations(text: string): RelationGroup[] {
  if (text.length > textLengthMax) throw invalid(text, textLengthMax, "it is too long");
  const groups: RelationGroup[] = [];
  let group: Relation[] = [];
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) {
      // A comma behind the last group is common and harmless.
      if (group.length === 0 && text.slice(at).trim() === "") break;
      throw invalid(text, at, "want a package name");
    }
    group.push(relationOf(match));
    at = pattern.lastIndex;
    const separator = text[at];
    if (separator !== undefined && separator !== "," && separator !== "|")
      throw invalid(text, at, "want a comma");
    if (separator === "|") {
      if (at + 1 === text.length) throw invalid(text, at, "want a package name behind it");
    } else {
      groups.push(group);
      group = [];
    }
    at++;
  }
  if (group.length > 0) throw invalid(text, text.length, "want a package name");
  return groups;
}

function relationOf(match: RegExpExecArray): Relation {
  const [, name, archQualifier, op, version, architectures, profiles] = match;
  // Most relations have only a name and a version: no spreading in the way of hundreds of thousands.
  const relation: { -readonly [K in keyof Relation]: Relation[K] } = { name: name as string };
  if (archQualifier !== undefined) relation.archQualifier = archQualifier;
  if (op !== undefined && version !== undefined) {
    relation.version = { op: operators[op] ?? (op as VersionOperator), version };
  }
  if (architectures !== undefined) relation.architectures = wordsOf(architectures);
  if (profiles !== undefined && profiles !== "") {
    relation.profiles = profiles
      .split(">")
      .slice(0, -1)
      .map((list) => wordsOf(list.replace("<", "")));
  }
  return relation;
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function invalid(text: string, at: number, fault: string): AshlarError {
  const shown = text.length > 120 ? `${text.slice(0, 120)}...` : text;
  const message = `Cannot read relation ${JSON.stringify(shown)}: at character ${at + 1}, ${fault}`;
  return new AshlarError("DEBIAN_RELATION_INVALID", message, { details: { offset: at } });
}
