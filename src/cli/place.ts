// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError } from "../base/index.ts";
import { type PlaceKind, placeKinds, splitPlace as split, targetKinds } from "../registry/index.ts";
import { containersHost, containersRoot } from "./containers-root.ts";
import type { Shell } from "./shell.ts";

/** `KIND:PATH[:TAG]`, the path made absolute; in containers-storage that of the storage, named or not. */
export interface Place<K extends string> {
  readonly kind: K;
  readonly path: string;
  readonly tag: string | undefined;
}

/** What `--output` may name: the kinds of places, and a plain directory. */
const outputKinds = [...targetKinds, "rootfs"] as const;
export type OutputKind = (typeof outputKinds)[number];

/** Reads a place of an image, or undefined where the text names none of the kinds. */
export function parsePlace(text: string, { cwd, env }: Pick<Shell, "cwd" | "env">): Place<PlaceKind> | undefined {
  const kind = placeKinds.find((name) => text.startsWith(`${name}:`));
  if (kind === undefined) return undefined;
  const { path, tag } = split(kind, text.slice(kind.length + 1));
  if (kind !== "containers-storage" || path !== "") return { kind, path: resolve(cwd, path), tag };
  return { kind, path: containersRoot(containersHost(env)), tag };
}

/** Reads the value of `--output`. Throws `USAGE_OUTPUT`. */
export function parseOutput(text: string, cwd: string): Place<OutputKind> {
  const kind = outputKinds.find((name) => text.startsWith(`${name}:`));
  if (kind === undefined || text.length === kind.length + 1) {
    const toEngine = text.startsWith("containers-storage:");
    throw new AshlarError("USAGE_OUTPUT", `Cannot write output "${text}": want KIND:PATH[:TAG]`, {
      hint: toEngine
        ? "podman's storage is written by podman: ashlar load IMAGE --into podman"
        : `KIND is one of ${outputKinds.join(", ")}, e.g. --output oci:out`,
    });
  }
  const rest = text.slice(kind.length + 1);
  const { path, tag } = kind === "rootfs" ? { path: rest, tag: undefined } : split(kind, rest);
  return { kind, path: resolve(cwd, path), tag };
}
