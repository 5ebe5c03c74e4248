// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";

import { digestOf } from "../../src/base/index.ts";
import type { Fixture } from "../fixture.ts";
import { build, type BuildPlace, type BuiltJson } from "../run-build.ts";

/** Forms of layers; the first is the default. */
export const forms = ["zstd:chunked", "zstd", "gzip", "none"] as const;

/** What the fixture is built to, on every machine. */
export interface Golden {
  /** Digest of the lock's text. */
  readonly lock: string;
  readonly images: Readonly<Record<(typeof forms)[number], readonly BuiltJson[]>>;
}

export const goldenPath = join(import.meta.dirname, "fixture.json");

/** Builds the fixture in all forms in one place. */
export async function makeGolden(fixture: Fixture, place: BuildPlace): Promise<Golden> {
  const images: [string, readonly BuiltJson[]][] = [];
  for (const form of forms) images.push([form, await build(place, { args: [`--compression=${form}`] })]);
  return { lock: digestOf(fixture.lockText), images: Object.fromEntries(images) as Golden["images"] };
}
