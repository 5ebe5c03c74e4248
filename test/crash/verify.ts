// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { openStore } from "../../src/store/index.ts";
import { checkoutNames, type Facts, readFacts } from "./facts.ts";
import type { Life } from "./lives.ts";
import { runStep } from "./run-step.ts";
import type { VictimEnd } from "./traced.ts";

/** The first words of the lines that say what lies in a store's directory: what else lies there is a fault. */
const knownNames = ((): ReadonlySet<string> => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/formats/store.md"), "utf8");
  const lines = page.split("## The directory")[1]?.split("##")[0]?.match(/^ {4}\S.*$/gm) ?? [];
  return new Set(lines.flatMap((line) => line.trim().split(/ {2,}/)[0]?.split(" ") ?? []).map((name) => topOf(name)));
})();

function topOf(path: string): string {
  return path.split("/")[0] as string;
}

/** What SQLite keeps beside a database, and one that is being made. */
const besideDatabase = /^(\w+\.(sqlite|lock))(-wal|-shm|-journal|-new|-new-journal)$/;

/** Names that only whole things have; what is being made has another. */
const finalNames: readonly (readonly [RegExp, RegExp])[] = [
  [/^packs\//, /^packs\/([0-9a-f]{2})(\/\1[0-9a-f]{62}\.pack)?$/],
  [/^links\//, /^links\/[0-9a-f]{2}(\/[0-9a-f]{64}\.[^/]+)?$/],
  [/^roots\//, /^roots\/[0-9a-f]{64}(\/|$)/],
  [/^(plans|checkouts)\//, /^\w+\/[0-9a-f]{64}(\.\d+\.\d+)?$/],
  [/^downloads\/./, /^downloads\/sha256(\/([0-9a-f]{2})(\/\2[0-9a-f]{62}(\.part(-[\d-]+)?)?)?)?$/],
  [/^fetching\//, /^fetching\/[0-9a-f]{64}(-journal)?$/],
];

interface Ending {
  readonly end: VictimEnd;
  /** At the beginning and after each step. */
  readonly expected: readonly Facts[];
  /** Something could not be read: an adoption passes over that, and says so. */
  readonly passesOver?: boolean;
}

/** Proves that what a process left when it ended in the middle is sound, true and can be gone on from. */
export async function verifyAfter(
  base: string,
  life: Life,
  { end, expected, passesOver }: Ending,
): Promise<string[]> {
  const faults: string[] = [];
  const done = end.steps.filter(({ status }) => status === 0).length;
  if (existsSync(join(base, "store"))) {
    faults.push(...strangersIn(join(base, "store")));
    // What was damaged before the life began is whole when it has been repaired and built again.
    if (life.start !== "damaged" || done > 1) faults.push(...fsckFaults(base));
  }
  const lies = untruths(await readFacts(base), expected[done] as Facts, expected[done + 1]);
  faults.push(...lies.filter((line) => passesOver !== true || !line.startsWith("adopted ")));
  for (const step of life.steps) {
    const again = await runStep(base, step);
    if (again.status !== 0) faults.push(`a retry ends with ${again.status}: ${again.err}`);
  }
  faults.push(...fsckFaults(base));
  const last = untruths(await readFacts(base), expected.at(-1) as Facts, undefined);
  faults.push(...last.map((line) => `a retry: ${line}`));
  return faults;
}

function strangersIn(dir: string): string[] {
  const strange = pathsBelow(dir).filter((path) => !isKnown(path));
  return strange.map((path) => `the store holds "${path}"`);
}

function isKnown(path: string): boolean {
  const top = topOf(path);
  if (!knownNames.has(besideDatabase.exec(top)?.[1] ?? top)) return false;
  return finalNames.every(([place, name]) => !place.test(path) || name.test(path));
}

/** Not Node's own recursive listing: it follows symlinks. */
function pathsBelow(dir: string, below = ""): string[] {
  return readdirSync(join(dir, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    return entry.isDirectory() ? [path, ...pathsBelow(dir, path)] : [path];
  });
}

function fsckFaults(base: string): string[] {
  const store = openStore(join(base, "store"));
  try {
    return store.fsck({ full: true }).faults.map(({ what, why }) => `fsck: ${what}: ${why}`);
  } finally {
    store.close();
  }
}

/** Each fact must be that of the last step that was reported done, or already that of the one that was at work. */
function untruths(actual: Facts, done: Facts, atWork: Facts | undefined): string[] {
  const faults: string[] = [];
  for (const name of new Set([...actual.keys(), ...done.keys(), ...(atWork?.keys() ?? [])])) {
    const [is, was, next] = [actual, done, atWork ?? done].map((facts) => facts.get(name));
    if (is === was || is === next) continue;
    if (isFilledGradually(name) && was !== next) continue;
    faults.push(`${name} is ${short(is)}, want ${short(was)} or ${short(next)}`);
  }
  return faults;
}

/** An adoption that was cut off goes on where it was. */
function isFilledGradually(name: string): boolean {
  return checkoutNames.includes(name) || name.startsWith("adopted ");
}

function short(text: string | undefined): string {
  return text === undefined ? "absent" : JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}...` : text);
}
