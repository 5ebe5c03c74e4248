// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Digest, hexOf } from "../../base/index.ts";
import type { DownloadArea } from "../fetcher.ts";

/** A download area in a temporary directory. */
export interface TestArea extends DownloadArea, Disposable {
  readonly dir: string;
  /** Names of all files in it, sorted. */
  names(): readonly string[];
}

export function makeTestArea(): TestArea {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-fetch-"));
  const fetching = new Set<Digest>();
  return {
    dir,
    downloadPath: (digest: Digest) => join(dir, hexOf(digest)),
    beginFetch(digest) {
      if (fetching.has(digest)) return { kind: "elsewhere", beat: 0, holders: () => ["another one"] };
      fetching.add(digest);
      return { kind: "ours", release: () => void fetching.delete(digest) };
    },
    names: () => readdirSync(dir).sort(),
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}
