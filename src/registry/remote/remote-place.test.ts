// SPDX-License-Identifier: Apache-2.0
import { after } from "node:test";

import { parseReference } from "../../oci/index.ts";
import { testPlace } from "../place.contract.ts";
import { startTestRegistry, type TestRegistryOptions } from "../testing/test-registry.ts";
import { openRemote } from "./open-remote.ts";

const kinds: readonly (readonly [string, TestRegistryOptions, number])[] = [
  ["a registry", {}, 1 << 20],
  ["a registry, in chunks", {}, 1000],
  ["a registry that takes no chunks", { chunks: false }, 1000],
  ["a registry that takes small bodies only", { bodyBytesMax: 2000 }, 1 << 20],
  ["a registry with tokens", { auth: { kind: "token", user: "me", password: "secret", tokenUses: 12 } }, 1 << 20],
];

let count = 0;
for (const [name, options, chunkBytes] of kinds) {
  const registry = await startTestRegistry(options);
  after(() => registry.close());
  testPlace({
    name,
    keepsManifests: true,
    isRepository: true,
    make: () => {
      const credentials = async () => ({ kind: "basic", user: "me", password: "secret" }) as const;
      const reference = parseReference(`${registry.host}/test/${count++}`);
      const place = openRemote(reference, { chunkBytes, credentials, retryDelayMs: 1 });
      after(() => place.close());
      return { target: place, source: () => place };
    },
  });
}
