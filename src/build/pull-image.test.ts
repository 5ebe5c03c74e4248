// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError, type Progress } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { describeBytes, encodeIndex, type ImageIndex, type ImageSource, mediaTypes, sourceOf } from "../oci/index.ts";
import { sampleImage } from "../registry/testing/sample-image.ts";
import { openStore, type Store } from "../store/index.ts";
import { freshDirs } from "../store/testing/fresh-dir.ts";
import { hasCode } from "../store/testing/sample.ts";
import { pullImage, type PulledImage } from "./pull-image.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const step = { advance: () => {}, done: () => {} };
const progress: Progress = { start: () => step, note: () => {}, warn: () => {}, log: () => {} };

/** An index with an image for each platform, none of whose files another one has. */
function indexOf(...platforms: string[]): ImageIndex {
  const images = platforms.map((platform) => sampleImage("gzip", platform, platform));
  const manifests = images.map((image) => ({ ...image.manifestDescriptor, platform: image.platform }));
  const index = encodeIndex({ mediaType: mediaTypes.index, manifests });
  return { index, indexDescriptor: describeBytes(mediaTypes.index, index), images };
}

function pullAll(store: Store, source: ImageSource): Promise<PulledImage> {
  return pullImage({ store, source, name: "sample", platforms: "all", keepBlobs: false, progress });
}

/** The store, with a step that is done whenever somebody gives a lease back. */
function watched(store: Store, onRelease: () => void): Store {
  return new Proxy(store, {
    get(target, key) {
      if (key === "lease") return () => releasing(target.lease(), onRelease);
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function releasing(lease: { release(): void }, then: () => void): { release(): void } {
  return { release: () => (lease.release(), then()) };
}

test("garbage collection that waits for a pull of several platforms takes nothing of it", async () => {
  const dir = freshDir();
  const [store, other] = [openStore(dir, { compressor }), openStore(dir, { compressor })];
  let collected = 0;
  const collect = (): void => {
    try {
      other.gc({});
      collected++;
    } catch (error) {
      if (!isAshlarError(error, "STORE_BUSY")) throw error;
    }
  };
  const pulled = await pullAll(watched(store, collect), sourceOf(indexOf("linux/amd64", "linux/arm64")));
  assert.equal(pulled.platforms.length, 2);
  assert.equal(collected, 1, "once, at the end");
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  assert.equal(store.gc({}).removedContents, 0);
  store.close();
  other.close();
});

test("an index that names no image for any platform is refused", async () => {
  const store = openStore(freshDir(), { compressor });
  await assert.rejects(pullAll(store, sourceOf(indexOf())), hasCode("OCI_PLATFORM_MISSING"));
  assert.deepEqual(store.listRefs(), []);
  store.close();
});
