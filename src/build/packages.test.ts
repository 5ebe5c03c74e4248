// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError } from "../base/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import { fetchUnpacked, publishPackages } from "../mirror/index.ts";
import { claimed, listen, lockDeb, newStore, startMirror, unpack } from "../mirror/testing/mirror-rig.ts";
import { sample } from "../store/testing/sample.ts";
import { type PackageStep, unpackPackages } from "./packages.ts";

const deb = lockDeb("noise", "1", { "usr/share/noise": sample(1, 30_000) });
/** As if the .deb were half as large: by file it would cost more. */
const small = { ...deb, sizeBytes: deb.sizeBytes >> 1 };

interface Tried {
  readonly records: ReadonlyMap<string, string>;
  readonly asked: readonly string[];
}

/** Makes records of packages where the archive throws what is given, and a registry has all. */
async function tryPackages(packages: readonly LockedPackage[], fault: unknown): Promise<Tried> {
  await using mirror = await startMirror();
  const here = newStore();
  const published = [{ locked: deb, record: await unpack(here, deb) }];
  await publishPackages(published, { store: here, place: mirror.place, parallel: 1, progress: listen() });
  const store = newStore();
  const asked: string[] = [];
  const common = { store, places: mirror.places, partsHere: () => [], progress: listen(), summary: () => "" };
  const step: PackageStep = {
    ...{ store, storeDir: "", workers: 1, progress: listen() },
    fetch: async (wanted) => {
      asked.push(`archive ${wanted.map(({ name }) => name).join()}`);
      throw fault;
    },
    fetchUnpacked: async (wanted, { anySize }) => {
      asked.push(`registry ${anySize ? "any size" : "smaller"}`);
      return fetchUnpacked(wanted, { ...common, anySize });
    },
  };
  return { records: await unpackPackages(packages, step), asked };
}

const gone = new AshlarError("FETCH_NOT_FOUND", "Cannot fetch package: no mirror has it");
const record = await unpack(newStore(), deb);

test("unpackPackages asks no archive for what comes by file", async () => {
  const { records, asked } = await tryPackages([claimed({ ...deb, sizeBytes: 1 << 20 }, record)], gone);
  assert.equal(records.get(deb.digest), record);
  assert.deepEqual(asked, ["registry smaller"]);
});

test("unpackPackages takes by file, whatever it costs, a package that the archive has no more", async () => {
  const { records, asked } = await tryPackages([claimed(small, record)], gone);
  assert.equal(records.get(deb.digest), record);
  assert.deepEqual(asked, ["registry smaller", "archive noise", "registry any size"]);
});

test("unpackPackages throws what the archive threw where no registry helps, or something else is wrong", async () => {
  await assert.rejects(tryPackages([small], gone), { code: "FETCH_NOT_FOUND" });
  const interrupted = new AshlarError("INTERRUPTED", "Cannot go on: interrupted");
  await assert.rejects(tryPackages([claimed(small, record)], interrupted), { code: "INTERRUPTED" });
});
