// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from "node:path/posix";

/** The path in the project that an import means, or why it is refused. */
export function resolveModule(base: string, wanted: string): string | { readonly reason: string } {
  if (wanted === "ashlar") return wanted;
  if (!/^\.\.?\//.test(wanted)) {
    return {
      reason: `import of ${JSON.stringify(wanted)} is refused, want "ashlar" or a relative path: specs are hermetic`,
    };
  }
  const path = join(dirname(base), wanted);
  if (path.startsWith("../") || path === ".." || /[\\\0]/.test(path)) {
    return { reason: `import of ${JSON.stringify(wanted)} leaves the project, want a file below it` };
  }
  if (!/\.[mc]?[jt]s$/.test(path)) {
    return { reason: `import of ${JSON.stringify(wanted)} has no known ending, want .ts or .js` };
  }
  return path;
}
