// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError } from "../base/index.ts";
import { type PlaceKind, placeKinds } from "../registry/index.ts";

/** `KIND:PATH[:TAG]`, the path made absolute. */
export interface Place<K extends string> {
  readonly kind: K;
  readonly path: string;
  readonly tag: string | undefined;
}

/** What `--output` may name: the kinds of places, and a plain directory. */
const outputKinds = [...placeKinds, "rootfs"] as const;
export type OutputKind = (typeof outputKinds)[number];

/** Reads a place of an image, or undefined where the text names none of the kinds. */
export function parsePlace(text: string, cwd: string): Place<PlaceKind> | undefined {
  const kind = placeKinds.find((name) => text.startsWith(`${name}:`));
  return kind === undefined ? undefined : splitPlace(kind, text.slice(kind.length + 1), cwd);
}

/** Reads the value of `--output`. Throws `USAGE_OUTPUT`. */
export function parseOutput(text: string, cwd: string): Place<OutputKind> {
  const kind = outputKinds.find((name) => text.startsWith(`${name}:`));
  if (kind === undefined || text.length === kind.length + 1) {
    throw new AshlarError("USAGE_OUTPUT", `Cannot write output "${text}": want KIND:PATH[:TAG]`, {
      hint: `KIND is one of ${outputKinds.join(", ")}, e.g. --output oci:out`,
    });
  }
  return splitPlace(kind, text.slice(kind.length + 1), cwd);
}

/** The last colon starts a tag, unless a slash follows it. A docker-archive's tag is a name with a tag of its own. */
function splitPlace<K extends string>(kind: K, rest: string, cwd: string): Place<K> {
  const at = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  const named = kind === "docker-archive" ? rest.indexOf(":") : at;
  const split = named < 0 || kind === "rootfs" ? rest.length : named;
  const tag = rest.slice(split + 1);
  return { kind, path: resolve(cwd, rest.slice(0, split)), tag: tag === "" ? undefined : tag };
}
