// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hexOf } from "../../src/base/index.ts";
import {
  type DownloadArea,
  fetchPackages,
  type MirrorSettings,
  openFetcher,
  resolveMirrors,
} from "../../src/fetch/index.ts";
import { encodeLock, type Lock, parseLock, resolveLock, verifyLock } from "../../src/lock/index.ts";
import { imageDocument } from "../../src/lock/testing/lock-rig.ts";
import type { Document, SourceDocument } from "../../src/spec/index.ts";
import { memoryStore } from "../../src/store/index.ts";

/**
 * `sh tools/run test/long/archive.ts [--suite bookworm]`: locks a real suite of Debian for two architectures
 * from the mirror of `ASHLAR_MIRROR` or the host's apt sources, and proves what came: gpgv accepts the same
 * Release files, the same archive gives the same lock, offline too, the packages are what dpkg-deb says.
 */
const at = process.argv.indexOf("--suite");
const suite = at < 0 ? "bookworm" : (process.argv[at + 1] ?? "bookworm");
const hostSources = globSync("/etc/apt/{sources.list,sources.list.d/*}", { withFileTypes: true })
  .filter((file) => file.isFile())
  .map((file) => ({ name: file.name, text: readFileSync(join(file.parentPath, file.name), "utf8") }));
const mirrors: MirrorSettings = { mirror: process.env["ASHLAR_MIRROR"], hostSources };

const sources: readonly SourceDocument[] = [
  { name: suite, suite, components: ["main"], archive: "main" },
  { name: `${suite}-updates`, suite: `${suite}-updates`, components: ["main"], archive: "main" },
  { name: `${suite}-security`, suite: `${suite}-security`, components: ["main"], archive: "security" },
];
const document: Document = imageDocument(["nginx", "curl", "ca-certificates"], {
  base: "minbase",
  from: { kind: "debian", suite, sources },
  platforms: ["linux/amd64", "linux/arm64"],
});

async function main(dir: string): Promise<void> {
  const store = memoryStore();
  const area: DownloadArea = {
    downloadPath: (digest) => join(dir, hexOf(digest)),
    beginFetch: (digest) => store.beginFetch(digest),
  };
  const common = { document, store, mirrors, nowSeconds: Date.now() / 1000 };
  const online = openFetcher({ area });
  const offline = openFetcher({ area, offline: true });
  try {
    const lock = await timed("lock", () => resolveLock({ ...common, fetcher: online }));
    const text = encodeLock(lock);
    assert.deepEqual(parseLock(Buffer.from(text), "lock"), lock);
    const again = await timed("lock again", () => resolveLock({ ...common, fetcher: online, update: "all" }));
    assert.equal(encodeLock(again), text);
    for (const { release, name } of lock.sources) checkWithGpgv(dir, name, store.read(release));
    await timed("prove the lock offline", () => verifyLock(lock, document, { ...common, fetcher: offline }));
    await timed("fetch packages", () =>
      checkPackages(lock, (requests) => fetchPackages(online, requests, { area, mirrors })),
    );
    console.log(
      `${lock.images.map(({ platform, packages }) => `${platform} ${packages.length} packages`).join(", ")}`,
    );
  } finally {
    await online.close();
  }
}

async function timed<T>(what: string, run: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await run();
  const memory = process.memoryUsage.rss() >> 20;
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(2)} s, ${memory} MiB resident`);
  return result;
}

function checkWithGpgv(dir: string, name: string, bytes: Uint8Array): void {
  const file = join(dir, `${name}-InRelease`);
  writeFileSync(file, bytes);
  const keyring = join(import.meta.dirname, "../../keyrings/debian-archive-keyring.gpg");
  // Status 2: signed by a further key that is newer than the keyring; a bad signature shows as BADSIG.
  const { stdout } = spawnSync("gpgv", ["--status-fd", "1", "--keyring", keyring, "--output", "/dev/null", file]);
  assert.match(stdout.toString(), /VALIDSIG/, `gpgv accepts ${name}`);
  assert.doesNotMatch(stdout.toString(), /BADSIG/);
}

type Requests = Parameters<typeof fetchPackages>[1];

async function checkPackages(
  lock: Lock,
  fetch: (requests: Requests) => ReturnType<typeof fetchPackages>,
): Promise<void> {
  const byName = new Map(sources.map((source) => [source.name, source]));
  const some = (lock.images[0]?.packages ?? []).slice(0, 30);
  const paths = await fetch(
    some.map((item) => ({
      ...item,
      source: byName.get(item.from) as SourceDocument,
      dateSeconds: lock.sources.find(({ name }) => name === item.from)?.dateSeconds ?? 0,
    })),
  );
  for (const { name, version, architecture, digest } of some) {
    const fields = spawnSync("dpkg-deb", ["-f", paths.get(digest) ?? "", "Package", "Version", "Architecture"]);
    assert.equal(fields.stdout.toString(), `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\n`);
  }
}

const isThere = ((): boolean => {
  try {
    return resolveMirrors(sources[0] as SourceDocument, mirrors).length > 0;
  } catch {
    return false;
  }
})();
if (!isThere && process.env["CI"] === undefined) {
  console.log("skipped: needs ASHLAR_MIRROR or a host with Debian's apt sources");
} else {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-archive-"));
  try {
    await main(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
