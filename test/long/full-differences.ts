// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";

import picomatch from "picomatch";

import type { Difference } from "./full-tree.ts";

/** A line of the list in docs/full.md. */
export interface KnownDifference {
  /** As written, for people. */
  readonly paths: string;
  readonly why: string;
  matches(difference: Difference): boolean;
}

const page = join(import.meta.dirname, "../../docs/full.md");
const heading = "## Differences from mmdebstrap";

/** Reads the list that users read: a table of paths, what differs there, why, and whose side is right. */
export function knownDifferences(): readonly KnownDifference[] {
  const text = readFileSync(page, "utf8");
  const section = text.slice(text.indexOf(heading) + heading.length).split("\n## ")[0] as string;
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  if (rows.length === 0) throw new Error(`no table below "${heading}"`);
  return rows.map((row) => {
    const [paths = "", what = "", why = ""] = row
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    const globs = [...paths.matchAll(/`([^`]+)`/g)].map(([, glob]) => (glob as string).replace(/^\//, ""));
    const isKnown = picomatch(globs, { dot: true });
    const kinds = new Set(what.split(", "));
    return { paths, why, matches: (one) => isKnown(one.path) && one.what.every((kind) => kinds.has(kind)) };
  });
}

/** Names two kinds of contents that differ harmlessly: "order" of paragraphs, "time in bytecode". */
export function named(difference: Difference, ours: string, theirs: string): Difference {
  if (difference.what.join() !== "content") return difference;
  const [our, their] = [ours, theirs].map((root) => readFileSync(join(root, difference.path))) as [Buffer, Buffer];
  if (withoutTime(our)?.equals(withoutTime(their) ?? Buffer.alloc(0)))
    return { ...difference, what: ["time in bytecode"] };
  return paragraphs(our) === paragraphs(their) ? { ...difference, what: ["order"] } : difference;
}

function paragraphs(text: Buffer): string {
  return text.toString("latin1").split("\n\n").sort().join("\n\n");
}

/** A compiled Python module without the time of its source (PEP 552: magic, flags 0, time, size). */
function withoutTime(module: Buffer): Buffer | undefined {
  const isTimed = module.length > 16 && module.readUInt16LE(2) === 0x0a0d && module.readUInt32LE(4) === 0;
  return isTimed ? Buffer.concat([module.subarray(0, 8), module.subarray(12)]) : undefined;
}
