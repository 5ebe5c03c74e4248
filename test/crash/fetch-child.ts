// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

import type { Digest } from "../../src/base/index.ts";
import { openFetcher } from "../../src/fetch/index.ts";
import { openStore } from "../../src/store/index.ts";

/** A process that fetches all files of a list into a store: `STORE BASE LIST`; prints what it fetched itself. */
const [storeDir = "", base = "", list = ""] = process.argv.slice(2);
const wanted = JSON.parse(readFileSync(list, "utf8")) as { path: string; digest: Digest; sizeBytes: number }[];
const store = openStore(storeDir);
const lease = store.lease();
const fetched: string[] = [];
const fetcher = openFetcher({
  area: store,
  parallel: 4,
  retryDelayMs: 10,
  onEvent: (event) => void (event.kind === "done" && !event.cached && fetched.push(event.name)),
});
const mirrors = [{ base, origin: "settings" as const }];
await Promise.all(
  wanted.map(({ path, ...file }) => fetcher.content({ name: path, ...file, paths: [path], mirrors })),
);
await fetcher.close();
lease.release();
store.close();
console.log(JSON.stringify(fetched));
