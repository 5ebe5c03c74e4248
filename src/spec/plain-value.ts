// SPDX-License-Identifier: Apache-2.0
import { type DataPath, type Fault, showDataPath } from "./fault.ts";

/** Bounds of the data of one spec, whatever form it was written in; anchors count each time they are used. */
export const dataBounds = { depth: 64, values: 100_000, textChars: 1 << 20 } as const;

/** What no text of a spec may hold: it could not be written to a file or an argument list and come back. */
export function textFault(text: string): string | undefined {
  if (text.includes("\0")) return "it holds a NUL character";
  if (!text.isWellFormed()) return "it holds half a character (a lone surrogate)";
  return undefined;
}

/** Names that are traps for programs which read the document. */
export function keyFault(key: string): string | undefined {
  return key === "__proto__" ? "this name is not allowed" : textFault(key);
}

/** Finds what no spec may hold anywhere in parsed JSON. */
export function plainFaults(value: unknown): Fault[] {
  const faults: Fault[] = [];
  let values = 0;
  const visit = (item: unknown, path: DataPath): void => {
    if (++values > dataBounds.values || path.length > dataBounds.depth) return;
    if (typeof item === "string") pushFault(faults, path, false, textFault(item));
    if (typeof item !== "object" || item === null) return;
    for (const [key, inner] of Object.entries(item)) {
      const inside = [...path, Array.isArray(item) ? Number(key) : key];
      pushFault(faults, inside, true, keyFault(key));
      visit(inner, inside);
    }
  };
  visit(value, []);
  if (values > dataBounds.values) faults.push(tooMuch(`it holds more than ${dataBounds.values} values`));
  return faults;
}

export function tooMuch(why: string): Fault {
  return { path: [], message: `use the spec: ${why}` };
}

function pushFault(faults: Fault[], path: DataPath, onKey: boolean, why: string | undefined): void {
  if (why !== undefined) faults.push({ path, onKey, message: `use ${showDataPath(path)}: ${why}` });
}
