// SPDX-License-Identifier: Apache-2.0
import type { FetchEvent } from "../../fetch/index.ts";
import { openFetcher } from "../../fetch/index.ts";
import { makeTestArea } from "../../fetch/testing/download-dir.ts";
import { fixtureArchive, type FixturePackage } from "../../fetch/testing/fixture-archive.ts";
import { type MirrorServer, serveMirror } from "../../fetch/testing/mirror-server.ts";
import { publicKeyOf } from "../../fetch/testing/sign-archive.ts";
import type { Document, FromDocument, ImageDocument, SourceDocument, SystemDocument } from "../../spec/index.ts";
import { memoryStore } from "../../store/index.ts";
import type { Lock } from "../lock.ts";
import { type ResolveRequest, resolveLock } from "../resolve-lock.ts";

export const dateSeconds = Date.UTC(2025, 5, 1) / 1000;
const signedBy = await publicKeyOf("main");

/** An archive that can move on, and what locks against it. */
export interface LockRig extends AsyncDisposable {
  readonly server: MirrorServer;
  readonly area: ReturnType<typeof makeTestArea>;
  readonly events: FetchEvent[];
  /** Replaces the packages of a suite; each call is an hour later. */
  publish(suite: string, packages: readonly FixturePackage[], architectures?: readonly string[]): Promise<void>;
  lock(document: Document, more?: Partial<ResolveRequest>): Promise<Lock>;
}

export async function makeLockRig(): Promise<LockRig> {
  const files = new Map<string, Uint8Array>();
  const server = await serveMirror(files);
  const area = makeTestArea();
  const store = memoryStore();
  const events: FetchEvent[] = [];
  let hours = 0;
  return {
    server,
    area,
    events,
    async publish(suite, packages, architectures = ["amd64"]) {
      const at = dateSeconds + 3600 * hours++;
      for (const [path, bytes] of await fixtureArchive({ suite, dateSeconds: at, packages, architectures })) {
        files.set(path, bytes);
      }
    },
    async lock(document, more = {}) {
      const fetcher = openFetcher({ area, retryDelayMs: 1, onEvent: (event) => events.push(event) });
      const mirrors = { mirror: server.base };
      try {
        return await resolveLock({ document, fetcher, store, mirrors, nowSeconds: dateSeconds + 86_400, ...more });
      } finally {
        await fetcher.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      area[Symbol.dispose]();
    },
  };
}

export function sourceOf(suite: string): SourceDocument {
  return { name: suite, suite, components: ["main"], archive: "main", signedBy };
}

export function fromSuites(...suites: readonly string[]): FromDocument {
  return { kind: "debian", suite: suites[0] ?? "", sources: suites.map(sourceOf) };
}

/** A whole document of which only a few fields matter. */
export function imageDocument(
  packages: readonly string[],
  more: Partial<Pick<SystemDocument, "base" | "install">> & Partial<Omit<ImageDocument, "system">> = {},
): ImageDocument {
  const { base = "none", install = "unpack", ...rest } = more;
  return {
    ashlar: "image/v1",
    name: "web",
    from: fromSuites("fixture"),
    platforms: ["linux/amd64"],
    system: { base, packages, install, strip: [], only: {}, debconf: {}, run: [] },
    users: {},
    steps: {},
    app: [],
    config: {},
    expect: { deny: [], closure: "strict", closureAllow: [] },
    lifecycle: {},
    layers: { packages: 1 },
    ...rest,
  };
}
