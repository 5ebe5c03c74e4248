// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";

import { type AshlarError, digestOf } from "../../base/index.ts";
import { type ContentRequest, type FetchEvent, type FetcherOptions, openFetcher } from "../fetcher.ts";
import type { Mirror } from "../mirrors.ts";
import { makeTestArea, type TestArea } from "./download-dir.ts";
import { type Mischief, type MirrorServer, serveMirror } from "./mirror-server.ts";

/** The file "pool/a.deb" of the mirror. */
export const content = Buffer.alloc(300_000, "ashlar fits without mortar. ");
const files = new Map([["pool/a.deb", content]]);

/** A mirror with one file, and a fetcher to ask it. */
export interface FetcherRig extends AsyncDisposable {
  readonly server: MirrorServer;
  readonly area: TestArea;
  readonly events: FetchEvent[];
  readonly fetcher: ReturnType<typeof openFetcher>;
  request(more?: Partial<ContentRequest>): ContentRequest;
}

export async function makeFetcherRig(
  mischief?: (path: string, earlier: number) => Mischief | undefined,
  options: Partial<FetcherOptions> = {},
): Promise<FetcherRig> {
  const server = await serveMirror(files, mischief);
  const area = makeTestArea();
  const events: FetchEvent[] = [];
  const onEvent = (event: FetchEvent): void => void events.push(event);
  const fetcher = openFetcher({ area, retryDelayMs: 1, onEvent, ...options });
  return {
    server,
    area,
    events,
    fetcher,
    request: (more = {}) => ({
      name: "a.deb",
      digest: digestOf(content),
      sizeBytes: content.length,
      paths: ["pool/a.deb"],
      mirrors: [mirrorAt(server.base)],
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      await fetcher.close();
      await server.close();
      area[Symbol.dispose]();
    },
  };
}

export function mirrorAt(base: string): Mirror {
  return { base, origin: "settings" };
}

/** Checks the code of an error, and its message and reasons by a pattern. */
export function fails(code: string, pattern?: RegExp): (error: unknown) => true {
  return (error) => {
    assert.equal((error as AshlarError).code, code, String(error));
    if (pattern !== undefined)
      assert.match([(error as Error).message, ...(error as AshlarError).because].join("\n"), pattern);
    return true;
  };
}
