// SPDX-License-Identifier: Apache-2.0
import { gzipSync } from "node:zlib";

import { archive, header, member } from "../../../formats/testing/tar-bytes.ts";
import { memoryStore } from "../../../store/index.ts";
import { readSource } from "../unpack-source.ts";

const plain = archive(
  member({ name: "hello-1/", type: "5", mode: "0000755\0" }),
  member({ name: "hello-1/configure", mode: "0000755\0" }, "#!/bin/sh\n"),
  header({ name: "hello-1/same", type: "1", linkName: "hello-1/configure" }),
  header({ name: "hello-1/link", type: "2", linkName: "configure" }),
);

async function run(bytes: Uint8Array): Promise<void> {
  const store = memoryStore();
  const pack = store.beginPack();
  try {
    await readSource([bytes].values(), bytes.length, { pack, name: "input" });
  } finally {
    pack.abort();
    store.close();
  }
}

/** For `test/long/fuzz.ts`. */
export const fuzzTargets = [{ name: "source archive", seeds: () => [plain, gzipSync(plain)], run }] as const;
