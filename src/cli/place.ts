// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError } from "../base/index.ts";
import { type PlaceKind, placeKinds, splitPlace as split } from "../registry/index.ts";

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

function splitPlace<K extends string>(kind: K, rest: string, cwd: string): Place<K> {
  const { path, tag } = kind === "rootfs" ? { path: rest, tag: undefined } : split(kind, rest);
  return { kind, path: resolve(cwd, path), tag };
}
