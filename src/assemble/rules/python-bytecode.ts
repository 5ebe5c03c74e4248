// SPDX-License-Identifier: Apache-2.0
import type { FileEntry } from "../../formats/index.ts";
import type { Rule, RuleChange } from "./rule.ts";
import type { RuleRoot } from "./rule-root.ts";

/**
 * A compiled module is valid while the time in its header is its source's, so the time must be the one that the
 * source has in the image. Modules compiled under SOURCE_DATE_EPOCH hold a hash of the source instead and stay.
 */
export const pythonBytecode: Rule = {
  name: "python-bytecode",
  why: "compiled Python holds the time of its source file",
  apply: (root) =>
    root.madeFiles(/\.pyc$/).flatMap((file) => {
      const source = root.get(sourceOf(file.path));
      return source?.type === "file" ? withTime(root, file, source.mtimeSeconds) : [];
    }),
};

/** PEP 3147: `a/__pycache__/b.cpython-311.opt-1.pyc` of `a/b.py`; before it `a/b.pyc`. */
function sourceOf(path: string): string {
  const cached = /^(.*?)__pycache__\/([^/]+?)\.[^/.]+(\.opt-[^/.]+)?\.pyc$/.exec(path);
  return cached === null ? path.replace(/c$/, "") : `${cached[1]}${cached[2]}.py`;
}

function withTime(root: RuleRoot, file: FileEntry, seconds: number): readonly RuleChange[] {
  const bytes = root.read(file);
  const at = bytes === undefined ? undefined : timeOffset(bytes);
  if (bytes === undefined || at === undefined) return [];
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(seconds >>> 0, at);
  return root.rewrite(file, copy, `source's time set to ${seconds}`);
}

/**
 * Where the source's time stands in a .pyc; undefined where there is none. The header of CPython 3.7 and later
 * is magic, flags, time, size (PEP 552; a flag set means a hash instead of time and size), of 2.7 magic and time.
 */
export function timeOffset(bytes: Uint8Array): 4 | 8 | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length < 16 || view.readUInt16BE(2) !== 0x0d0a) return undefined;
  const magic = view.readUInt16LE(0);
  if (magic === 62211) return 4;
  if (magic < 3390 || magic >= 20_000) return undefined;
  return view.readUInt32LE(4) === 0 ? 8 : undefined;
}
