// SPDX-License-Identifier: Apache-2.0
import { limits } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { ContentReader } from "./content.ts";
import type { PathResolver } from "./path-resolver.ts";

const filesMax = 1000;

/**
 * The directories that /etc/ld.so.conf adds. ld.so itself never reads that file, only the cache that ldconfig
 * makes of it: without /etc/ld.so.cache there are none.
 */
export function ldSoDirectories(tree: Tree, resolver: PathResolver, contents: ContentReader): readonly string[] {
  if (resolver.resolve("etc/ld.so.cache")?.type !== "file") return [];
  const directories: string[] = [];
  const queue = ["/etc/ld.so.conf"];
  for (let count = 0; queue.length > 0 && count < filesMax; count++) {
    const entry = resolver.resolve(queue.shift() as string);
    if (entry?.type !== "file" || entry.sizeBytes > limits.textBytesMax) continue;
    const conf = parseLdSoConf(Buffer.from(contents.read(entry.content)).toString("utf8"));
    directories.push(...conf.directories);
    for (const include of conf.includes) queue.push(...matching(tree, include));
  }
  return directories;
}

/** Only `*` and `?`, which is all that is ever used; long patterns are passed over. */
function matching(tree: Tree, pattern: string): readonly string[] {
  if (pattern.length > 200 || pattern.split("*").length > 5) return [];
  const text = pattern
    .replace(/[\\^$.|+(){}[\]]/g, "\\$&")
    .replace(/\*+/g, "[^/]*")
    .replace(/\?/g, "[^/]");
  const expression = new RegExp(`^${text}$`);
  return tree
    .filter((entry) => entry.type !== "dir" && expression.test(`/${entry.path}`))
    .map((entry) => `/${entry.path}`);
}

/** Parses ld.so.conf: directories and `include` patterns, `#` comments; ldconfig(8). */
export function parseLdSoConf(text: string): {
  readonly directories: readonly string[];
  readonly includes: readonly string[];
} {
  const directories: string[] = [];
  const includes: string[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.replace(/#.*$/, "").trim();
    const include = /^include\s+(.+)$/.exec(line);
    if (include !== null) {
      for (const pattern of (include[1] as string).split(/\s+/))
        includes.push(pattern.startsWith("/") ? pattern : `/etc/${pattern}`);
    } else {
      for (const word of line.split(/[\s:,]+/)) if (word.startsWith("/")) directories.push(word.replace(/=.*$/, ""));
    }
  }
  return { directories, includes };
}
