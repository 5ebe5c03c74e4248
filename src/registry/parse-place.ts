// SPDX-License-Identifier: Apache-2.0

/** `PATH[:TAG]` of a place. */
export interface PathAndTag {
  readonly path: string;
  readonly tag: string | undefined;
}

/**
 * Splits what follows `KIND:` in the text of a place. The last colon starts a tag, unless a slash follows it; in
 * a docker-archive the first one does, as its tags are names with tags of their own. In containers-storage all is a
 * name, with the storage's directory before it in brackets: `[DIR]NAME[:TAG]`; without brackets the path is empty.
 */
export function splitPlace(kind: string, rest: string): PathAndTag {
  if (kind === "containers-storage") return splitStorage(rest);
  const at = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  const named = kind === "docker-archive" ? rest.indexOf(":") : at;
  const split = named < 0 ? rest.length : named;
  const tag = rest.slice(split + 1);
  return { path: rest.slice(0, split), tag: tag === "" ? undefined : tag };
}

function splitStorage(rest: string): PathAndTag {
  const end = rest.startsWith("[") ? rest.indexOf("]") : -1;
  const tag = rest.slice(end + 1);
  return { path: end < 0 ? "" : rest.slice(1, end), tag: tag === "" ? undefined : tag };
}
