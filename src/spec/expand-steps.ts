// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { RunDocument, SourceFileDocument, StepDocument } from "./document.ts";
import {
  bytesOf,
  canonicalRelation,
  listOf,
  mapRecord,
  present,
  sortedSet,
  withoutDotSlash,
} from "./expand-parts.ts";
import type { RunInput, StepInput } from "./shape.ts";

/** What runs a text: every command that fails ends it, and so does a variable that is not set. */
export const shell = ["/bin/sh", "-eu", "-c"] as const;

export function expandRun(input: RunInput): RunDocument {
  if (typeof input === "string") return { argv: [...shell, input], env: {}, inputs: [] };
  return { argv: argvOf(input), env: envOf(input.env), inputs: projectGlobs(input.inputs) };
}

export function expandStep(input: StepInput): StepDocument {
  return {
    tools: (input.tools ?? []).map(canonicalRelation),
    inputs: projectGlobs(input.inputs),
    exclude: projectGlobs(input.exclude),
    sources: (input.sources ?? []).map(expandSource),
    argv: argvOf(input),
    env: envOf(input.env),
    outputs: projectGlobs(input.outputs),
    secrets: sortedSet(input.secrets ?? []),
    ...present({
      timeoutSeconds: input.timeout === undefined ? undefined : secondsOf(input.timeout),
      memoryBytes: input.memory === undefined ? undefined : bytesOf(input.memory),
    }),
  };
}

function argvOf(input: { readonly cmd: readonly string[] } | { readonly script: string }): readonly string[] {
  return "cmd" in input ? input.cmd : [...shell, input.script];
}

function envOf(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return mapRecord(env, (value) => value);
}

function projectGlobs(globs: string | readonly string[] = []): string[] {
  return sortedSet(listOf(globs).map(withoutDotSlash));
}

type SourceInput = NonNullable<StepInput["sources"]>[number];

function expandSource({ url, sha256, unpack, to, patches }: SourceInput): SourceFileDocument {
  const isUnpacked = unpack ?? isArchive(url);
  const name = fileName(url);
  return {
    url,
    sha256: (sha256.startsWith("sha256:") ? sha256 : `sha256:${sha256}`) as Digest,
    unpack: isUnpacked,
    to: isUnpacked ? placeOf(to ?? ".") : fileTo(to, name),
    patches: listOf(patches ?? []).map(withoutDotSlash),
  };
}

/** What is unpacked where nothing else is said: the archives that every source package of Debian may have. */
export function isArchive(url: string): boolean {
  return /\.(tar|tar\.(gz|xz|zst)|tgz|txz|tzst)$/.test(fileName(url));
}

/** The last part of an address, without a query; "+" and "~" of a version may be escaped there. */
export function fileName(url: string): string {
  const path = url.replace(/[?#].*$/, "");
  const last = path.slice(path.lastIndexOf("/") + 1);
  return /^(%2[Bb]|%7[Ee]|[^%])*$/.test(last) ? decodeURIComponent(last) : last;
}

function fileTo(to: string | undefined, name: string): string {
  if (to === undefined) return name;
  const place = placeOf(to);
  if (place === ".") return name;
  return to.endsWith("/") ? `${place}/${name}` : place;
}

/** A path without "." and empty parts; "." for nothing at all. */
function placeOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.length === 0 ? "." : parts.join("/");
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function secondsOf(text: string): number {
  return Number.parseInt(text, 10) * (unitSeconds[text.slice(-1)] as number);
}
