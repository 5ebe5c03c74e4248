// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { digestOf, isAshlarError } from "../base/index.ts";
import { sourceOf } from "../oci/index.ts";
import { copyImage } from "./copy-image.ts";
import { blobPath } from "./file-reader.ts";
import { layoutTarget } from "./layout-target.ts";
import { openSource, openTarget } from "./place-kinds.ts";
import { sampleImage } from "./testing/sample-image.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-layout-"));
after(() => rmSync(root, { recursive: true }));

async function write(dir: string, note: string, tag: string): Promise<void> {
  const target = layoutTarget(dir);
  await copyImage(sourceOf(sampleImage("gzip", note)), target, { tag });
  await target.finish();
}

function listing(dir: string): string[] {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((item) => item.isFile());
  return files.map((item) => `${item.name} ${digestOf(readFileSync(join(item.parentPath, item.name)))}`).sort();
}

test("layoutTarget makes the same files whatever order the tags are written in", async () => {
  const [a, b] = [join(root, "a"), join(root, "b")];
  await write(a, "one", "1");
  await write(a, "two", "2");
  await write(b, "two", "2");
  await write(b, "one", "1");
  assert.deepEqual(listing(a), listing(b));
  assert.equal(readFileSync(join(a, "oci-layout"), "utf8"), '{"imageLayoutVersion":"1.0.0"}');
});

test("layoutTarget keeps entries of others and writes a cut-off blob again", async () => {
  const dir = join(root, "mend");
  await write(dir, "one", "1");
  const layer = sampleImage("gzip", "one").layers[0];
  assert.ok(layer);
  const path = join(dir, blobPath(layer.descriptor));
  truncateSync(path, 10);
  await write(dir, "one", "2");
  assert.equal(digestOf(readFileSync(path)), layer.descriptor.digest);
  assert.equal((await openSource("oci", dir).resolve("1")).digest, (await openSource("oci", dir).resolve("2")).digest);
});

test("layoutTarget leaves nothing behind when a copy fails", async () => {
  const dir = join(root, "fails");
  const target = layoutTarget(dir);
  const honest = sourceOf(sampleImage("none"));
  async function* cut(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("x");
  }
  await assert.rejects(copyImage({ ...honest, blob: cut }, target));
  await target.abort();
  assert.deepEqual(listing(dir).map((line) => line.split(" ")[0]), ["oci-layout"]);
});

test("an archive's target leaves nothing behind when it is given up", async () => {
  for (const kind of ["oci-archive", "docker-archive"] as const) {
    const dir = join(root, `given-up-${kind}`);
    mkdirSync(dir);
    const target = openTarget(kind, join(dir, "x.tar"));
    await copyImage(sourceOf(sampleImage("none")), target);
    await target.abort();
    assert.deepEqual(readdirSync(dir), []);
  }
});

test("an archive's bytes are a pure function of the image", async () => {
  for (const kind of ["oci-archive", "docker-archive"] as const) {
    const digests = await Promise.all(["x", "y"].map(async (name) => {
      const path = join(root, `pure-${kind}-${name}`);
      const target = openTarget(kind, path);
      await copyImage(sourceOf(sampleImage("zstd")), target, { tag: "a:1" });
      await target.finish();
      return digestOf(readFileSync(path));
    }));
    assert.equal(digests[0], digests[1]);
  }
});

test("layoutTarget refuses a directory with other files, and says where it cannot write", async () => {
  const dir = join(root, "foreign");
  mkdirSync(dir);
  writeFileSync(join(dir, "thesis.txt"), "");
  await assert.rejects(write(dir, "", "1"), (error) => isAshlarError(error, "REGISTRY_LAYOUT"));
  await assert.rejects(write(join(dir, "thesis.txt"), "", "1"), (error) => isAshlarError(error));
  await assert.rejects(
    copyImage(sourceOf(sampleImage("none")), openTarget("oci-archive", join(root, "absent/x.tar"))),
    (error) => isAshlarError(error, "REGISTRY_WRITE"),
  );
});
