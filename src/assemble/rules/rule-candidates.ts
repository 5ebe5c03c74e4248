// SPDX-License-Identifier: Apache-2.0
import type { ImagePath } from "../../base/index.ts";
import { changedLines, type ChangedText, changedWords, isText } from "./changed-text.ts";
import { findBinaryTime, findDate } from "./find-clock.ts";
import { secretKindOf } from "./secret-kinds.ts";

/** What a difference between two runs looks like. */
export interface RuleCandidate {
  readonly kind:
    | "log"
    | "cache"
    | "secret"
    | "date"
    | "host name"
    | "processors"
    | "order"
    | "bytecode"
    | "database"
    | "random";
  /** e.g. `it holds the date "2026-11-21"`. */
  readonly what: string;
}

/** How the circumstances of two runs differed. */
export interface TwoRuns {
  /** Seconds since 1970, as the processes saw them. */
  readonly clocks: readonly number[];
  readonly hostNames: readonly string[];
  readonly cpus: readonly number[];
}

/** Bytes of one file from both runs; undefined where one of them has no such file. */
export interface TwoContents {
  readonly a: Uint8Array | undefined;
  readonly b: Uint8Array | undefined;
}

/** A larger file is judged by its path and its beginning. */
const lookMax = 1 << 20;

/**
 * Guesses, the surest first, why a file differs between two runs of the same scripts: where a new rule may begin,
 * or what a step of the user's should leave away. Pure; none where nothing is recognised.
 */
export function ruleCandidates(
  path: ImagePath,
  contents: TwoContents,
  runs: TwoRuns,
): readonly RuleCandidate[] {
  const a = contents.a?.subarray(0, lookMax);
  const b = contents.b?.subarray(0, lookMax);
  const found = [secret(path, a ?? b), ...byPath(path)];
  if (a !== undefined && b !== undefined && Buffer.compare(a, b) !== 0) {
    found.push(...(isText(a) && isText(b) ? byLines(changedLines(a, b), runs) : byBytes(a, b, runs)));
  }
  return found.filter((candidate) => candidate !== undefined);
}

function secret(path: string, bytes: Uint8Array | undefined): RuleCandidate | undefined {
  const kind = secretKindOf(path, () => Buffer.from(bytes?.subarray(0, 64 << 10) ?? []).toString("latin1"));
  return kind === undefined ? undefined : { kind: "secret", what: `it is a secret: ${kind.kind}` };
}

/** By names that everybody uses for such files. */
const pathKinds: readonly (RuleCandidate & { readonly path: RegExp })[] = [
  { kind: "log", path: /^var\/log\/|\.log(\.\d+)?$/, what: "it is a log" },
  {
    kind: "cache",
    path: /(^|\/)(\.?cache|caches)\/|[.-]cache(-\d+)?$|(^|\/)index\.db$/,
    what: "it is a cache",
  },
  { kind: "bytecode", path: /\.(pyc|elc|beam|class|jsa|go)$/, what: "it is compiled code" },
  { kind: "database", path: /\.(db|sqlite3?|gdbm|mdb|frm|ibd|MAI)$/, what: "it is a database" },
];

function byPath(path: ImagePath): readonly RuleCandidate[] {
  return pathKinds.filter((one) => one.path.test(path)).map(({ kind, what }) => ({ kind, what }));
}

function byLines(
  changed: ChangedText,
  { clocks, hostNames, cpus }: TwoRuns,
): readonly (RuleCandidate | undefined)[] {
  if (changed.a.length === 0 && changed.b.length === 0) {
    return [{ kind: "order", what: "the lines are the same in another order" }];
  }
  const text = [...changed.a, ...changed.b].map((line) => line.slice(0, 4096)).join("\n");
  const date = findDate(text, clocks);
  const name = hostNames.find((one) => text.includes(one));
  const words = changedWords(changed);
  const count = words.find((pair) => pair.every((word) => cpus.includes(Number(word))));
  const random =
    date !== undefined
      ? undefined
      : words.find(([x, y]) => x.length === y.length && isRandom(x) && isRandom(y));
  return [
    date === undefined ? undefined : { kind: "date", what: `it holds the date ${JSON.stringify(date)}` },
    name === undefined ? undefined : { kind: "host name", what: `it holds the host name "${name}"` },
    count === undefined
      ? undefined
      : { kind: "processors", what: `it holds a number of processors: ${count.join(", ")}` },
    random === undefined
      ? undefined
      : { kind: "random", what: `it holds ${random[0].length} characters of chance` },
    sameWords(changed) ? { kind: "order", what: "the words are the same in another order" } : undefined,
  ];
}

/** Long, and of digits and letters mixed, as hexadecimal and base64 numbers are. */
function isRandom(word: string): boolean {
  return word.length >= 8 && /\d/.test(word) && /[A-Za-z]/.test(word);
}

function sameWords({ a, b }: ChangedText): boolean {
  const sorted = (lines: readonly string[]): string =>
    (lines.join(" ").match(/[^\s,:;]+/g) ?? []).sort().join(" ");
  return a.length > 0 && b.length > 0 && sorted(a) === sorted(b);
}

/** The first bytes of formats that keep times and free pages. */
const formats: readonly (readonly [magic: string, what: string])[] = [
  ["SQLite format 3\0", "it is a SQLite database"],
  ["\xce\x9a\x57\x13", "it is a GDBM database"],
  ["\xcf\x9a\x57\x13", "it is a GDBM database"],
  ["LPKSHHRH", "it is a systemd journal or catalog"],
];

function byBytes(
  a: Uint8Array,
  b: Uint8Array,
  { clocks, hostNames }: TwoRuns,
): readonly (RuleCandidate | undefined)[] {
  const start = Buffer.from(a.subarray(0, 16)).toString("latin1");
  const format = formats.find(([magic]) => start.startsWith(magic));
  const at = firstDifferent(a, b);
  const time = findBinaryTime(a, at, clocks) ?? findBinaryTime(b, at, clocks);
  const around = [a, b].map((bytes) =>
    Buffer.from(bytes.subarray(Math.max(0, at - 64), at + 64)).toString("latin1"),
  );
  const date = around.map((text) => findDate(text, clocks)).find((one) => one !== undefined);
  const name = hostNames.find((one) => around.some((text) => text.includes(one)));
  return [
    format === undefined ? undefined : { kind: "database", what: format[1] },
    time === undefined
      ? undefined
      : { kind: "date", what: `the number at byte ${time} is the time of the run` },
    date === undefined ? undefined : { kind: "date", what: `it holds the date ${JSON.stringify(date)}` },
    name === undefined ? undefined : { kind: "host name", what: `it holds the host name "${name}"` },
  ];
}

function firstDifferent(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return length;
}
