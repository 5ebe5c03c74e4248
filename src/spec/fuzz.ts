// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

import { evaluate } from "./evaluate.ts";
import { readSpec } from "./index.ts";
import { twins } from "./testing/twins.ts";

/** Parsers of this folder for the mutation suite: they may succeed or throw `AshlarError`, nothing else. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => Promise<void>;
}[] = [
  {
    name: "spec.yaml",
    seeds: () => [
      ...twins.map(({ yaml }) => bytesOf(yaml)),
      bytesOf("a: &a [b, *c]\n? {d: !!str e}\n: |2-\n   f\n--- \n%TAG\n"),
    ],
    run: async (bytes) => void (await readSpec({ file: "fuzz.yaml", text: textOf(bytes) })),
  },
  {
    name: "spec.json",
    seeds: () => [
      bytesOf('{"ashlar": "image/v1", "name": "x", "from": {"debian": "bookworm"}, "users": {"a": {"uid": 1}}}'),
    ],
    run: async (bytes) => void (await readSpec({ file: "fuzz.json", text: textOf(bytes) })),
  },
  {
    // In this thread, without the thread that ends what cannot be interrupted: it must not be needed here.
    name: "spec.typescript",
    seeds: () => twins.map(({ ts }) => bytesOf(ts)),
    run: async (bytes) => {
      const modules = new Map([["fuzz.ts", textOf(bytes)]]);
      await evaluate({ entry: "fuzz.ts", modules, define: defineText(), parameters: {} });
    },
  },
];

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

function defineText(): string {
  return readFileSync(new URL("define.ts", import.meta.url), "utf8");
}
