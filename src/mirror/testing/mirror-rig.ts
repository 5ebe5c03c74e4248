// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { unpackAction, unpackAll } from "../../assemble/index.ts";
import { type Digest, digestOf, hexOf, type Progress } from "../../base/index.ts";
import { buildDeb, type DebFile } from "../../debian/testing/build-deb.ts";
import { loadCompressor } from "../../formats/index.ts";
import type { LockedPackage } from "../../lock/index.ts";
import { parseReference } from "../../oci/index.ts";
import { openRemote, type RemotePlace } from "../../registry/index.ts";
import {
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from "../../registry/testing/test-registry.ts";
import { memoryStore, type Store } from "../../store/index.ts";
import { fetchUnpacked, type PackagePlace, type UnpackedOptions, type UnpackedReport } from "../fetch-unpacked.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-mirror-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const compressor = await loadCompressor();

/** A new store with the real compressor. */
export function newStore(): Store {
  return memoryStore({ compressor });
}

/** Builds a .deb and describes it as a lock does, saying nothing of what it unpacks to. */
export function lockDeb(name: string, version: string, files: Readonly<Record<string, DebFile>>): LockedPackage {
  const fields = { Package: name, Version: version, Architecture: "amd64" };
  const bytes = buildDeb({ fields, files, control: { postinst: `#!/bin/sh -e\necho ${name}\n` } });
  const digest = digestOf(bytes);
  writeFileSync(pathOf(digest), bytes);
  return {
    ...{ name, version, architecture: "amd64", digest, sizeBytes: bytes.length, filename: `pool/${name}.deb` },
    ...{ sourceName: name, sourceVersion: version, from: "fixture", phase: "packages", use: "install", by: ["spec"] },
  };
}

function pathOf(digest: Digest): string {
  return join(dir, hexOf(digest));
}

/** Unpacks a .deb of `lockDeb`; the digest of its record. */
export async function unpack(store: Store, locked: LockedPackage): Promise<Digest> {
  const made = await unpackAll([{ ...locked, path: pathOf(locked.digest) }], { store, storeDir: dir, workers: 1 });
  return made.get(locked.digest) as Digest;
}

/** The package as a lock that says what it unpacks to. */
export function claimed(locked: LockedPackage, record: Digest): LockedPackage {
  return { ...locked, unpacked: { version: unpackAction(locked.digest).version, record } };
}

/** What was told while something went on. */
export interface Told extends Progress {
  readonly warnings: string[];
}

export function listen(): Told {
  const warnings: string[] = [];
  const step = { advance: () => {}, done: () => {} };
  return { warnings, start: () => step, note: () => {}, warn: (text) => void warnings.push(text), log: () => {} };
}

/** A registry with one repository for packages. */
export interface MirrorRig extends AsyncDisposable {
  readonly registry: TestRegistry;
  readonly place: RemotePlace;
  readonly places: readonly PackagePlace[];
}

export async function startMirror(options: TestRegistryOptions = {}): Promise<MirrorRig> {
  const registry = await startTestRegistry(options);
  const place = openRemote(parseReference(`${registry.host}/team/packages`), { tryCountMax: 1, retryDelayMs: 1 });
  return {
    registry,
    place,
    places: [{ name: "team/packages", source: place }],
    async [Symbol.asyncDispose]() {
      await place.close();
      await registry.close();
    },
  };
}

/** Fetches by file; nobody hears the summary. */
export function fetchFrom(
  packages: readonly LockedPackage[],
  options: Omit<UnpackedOptions, "summary" | "partsHere">,
  partsHere: UnpackedOptions["partsHere"] = () => [],
): Promise<UnpackedReport> {
  return fetchUnpacked(packages, { ...options, partsHere, summary: () => "" });
}
