// SPDX-License-Identifier: Apache-2.0
import type { ForeignForm } from "../formats/index.ts";
import { parseEstargzToc } from "../layer/index.ts";
import { encodeGap, planGaps } from "./estargz-gaps.ts";
import { openTocMember } from "./read-estargz-tail.ts";
import { estargzFixture } from "./testing/estargz-image.ts";
import { tocMemberOf, tocOf } from "./testing/estargz-lies.ts";

const dataBytes = 1 << 20;

function makeGaps(bytes: Uint8Array, form: ForeignForm): void {
  for (const gap of planGaps(parseEstargzToc(bytes, { dataBytes }), dataBytes)) encodeGap(gap, form);
}

function tocSeed(name: "built" | "gnu"): Uint8Array[] {
  return [Buffer.from(tocOf(estargzFixture(name)))];
}

/** Parsers of this folder, for the mutation suite. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}[] = [
  { name: "estargz gaps", seeds: () => tocSeed("built"), run: (bytes) => makeGaps(bytes, "go-posix") },
  { name: "estargz gaps of GNU", seeds: () => tocSeed("gnu"), run: (bytes) => makeGaps(bytes, "gnu") },
  {
    name: "estargz toc member",
    seeds: () => [tocMemberOf(estargzFixture("gnu"))],
    run: (bytes) => void openTocMember(bytes),
  },
];
