// SPDX-License-Identifier: Apache-2.0
import picomatch from "picomatch";

import { AshlarError, type ImagePath } from "../../base/index.ts";
import { type Entry, makeTree, type Tree } from "../../formats/index.ts";
import { addParents } from "./source-entries.ts";

const shownMax = 20;

/**
 * Picks the outputs of a step from what lies below $OUT: paths, directories with all below them, globs.
 * Owners, times and attributes are the image's business: files come out as root's, 0755 where they are
 * executable, else 0644; a hard link comes out as a file. Throws `BUILD_STEP_OUTPUT` for an output that is
 * not there, and for devices and fifos.
 */
export function pickOutputs(out: Tree, outputs: readonly string[], step: string): Tree {
  const files = new Map(out.map((entry) => [entry.path, entry]));
  const picked = new Map<ImagePath, Entry>();
  for (const output of outputs) {
    const matches = matcherOf(output);
    const found = out.filter(({ path }) => matches(path));
    if (found.length === 0) throw missing(output, out, step);
    for (const entry of found) picked.set(entry.path, plainEntry(entry, files, step));
  }
  for (const path of [...picked.keys()]) addParents(picked, path);
  return makeTree([...picked.values()].map((entry) => ({ ...entry, mtimeSeconds: 0 })));
}

/** A path means also what lies below it; "." is everything. */
function matcherOf(output: string): (path: string) => boolean {
  const glob = output.replace(/^(\.\/)+|\/+$/g, "");
  if (glob === "" || glob === ".") return () => true;
  if (picomatch.scan(glob).isGlob) return picomatch([glob, `${glob}/**`], { dot: true });
  return (path) => path === glob || path.startsWith(`${glob}/`);
}

function plainEntry(entry: Entry, files: ReadonlyMap<ImagePath, Entry>, step: string): Entry {
  const plain = { path: entry.path, uid: 0, gid: 0, mtimeSeconds: 0 };
  const file = entry.type === "hardlink" ? files.get(entry.target) : entry;
  switch (file?.type) {
    case "file": {
      const { content, sizeBytes } = file;
      return { ...plain, type: "file", mode: (file.mode & 0o100) === 0 ? 0o644 : 0o755, content, sizeBytes };
    }
    case "dir":
      return { ...plain, type: "dir", mode: 0o755 };
    case "symlink":
      return { ...plain, type: "symlink", mode: 0o777, target: file.target };
    default: {
      const state = `it is a ${file?.type ?? "hard link to what is not below $OUT"}`;
      const message = `Cannot take "${entry.path}" from step "${step}": ${state}, want files, directories and links`;
      throw new AshlarError("BUILD_STEP_OUTPUT", message);
    }
  }
}

function missing(output: string, out: Tree, step: string): AshlarError {
  const there = out.filter(({ type }) => type !== "dir").map(({ path }) => path);
  const more = there.length > shownMax ? ` and ${there.length - shownMax} more` : "";
  const hint =
    there.length === 0
      ? "the step left nothing in $OUT; write what it makes to that directory"
      : `below $OUT there are ${there.slice(0, shownMax).join(", ")}${more}`;
  const message = `Cannot take output "${output}" of step "${step}": the step did not make it`;
  return new AshlarError("BUILD_STEP_OUTPUT", message, {
    hint,
    details: { output, there: there.slice(0, 1000) },
  });
}
