// SPDX-License-Identifier: Apache-2.0

/** `PATH[:TAG]` of a place. */
export interface PathAndTag {
  readonly path: string;
  readonly tag: string | undefined;
}

/**
 * Splits what follows `KIND:` in the text of a place. The last colon starts a tag, unless a slash follows it; in
 * a docker-archive the first one does, as its tags are names with tags of their own.
 */
export function splitPlace(kind: string, rest: string): PathAndTag {
  const at = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  const named = kind === "docker-archive" ? rest.indexOf(":") : at;
  const split = named < 0 ? rest.length : named;
  const tag = rest.slice(split + 1);
  return { path: rest.slice(0, split), tag: tag === "" ? undefined : tag };
}
