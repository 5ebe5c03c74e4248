// SPDX-License-Identifier: Apache-2.0
import type { ContentReader, ProjectFiles } from "../../assemble/index.ts";
import { AshlarError } from "../../base/index.ts";
import type { Entry, Tree } from "../../formats/index.ts";

/** The outputs of a step as files to copy from, as those of the project are. */
export function outputFiles(tree: Tree, contents: ContentReader): ProjectFiles {
  const entries = new Map<string, Entry>(tree.map((entry) => [entry.path, entry]));
  const fileAt = (path: string): Extract<Entry, { type: "file" }> => {
    const entry = entries.get(path);
    if (entry?.type === "file") return entry;
    throw new AshlarError("BUILD_STEP_OUTPUT", `Cannot read output "${path}": the step did not make it`);
  };
  return {
    isWhole: true,
    *walk(from) {
      for (const entry of tree) {
        if (from !== "" && entry.path !== from && !entry.path.startsWith(`${from}/`)) continue;
        const { path } = entry;
        if (entry.type === "symlink") yield { path, executable: false, symlinkTarget: entry.target };
        else if (entry.type === "file") yield { path, executable: (entry.mode & 0o100) !== 0 };
      }
    },
    content(path) {
      const { content: digest, sizeBytes } = fileAt(path);
      return { digest, sizeBytes };
    },
    head: (path) => contents.read(fileAt(path).content),
  };
}
