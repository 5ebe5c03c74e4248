// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { listImages } from "../image/index.ts";
import { type Descriptor, parseManifest } from "../oci/index.ts";
import type { Store } from "../store/index.ts";
import { nameRef, readStoredImage, readNamedRecord } from "./record.ts";

/** What a name means now, for one platform. */
export interface CurrentImage {
  readonly name: string;
  readonly platform: string;
  /** Tree: the flat root file system. */
  readonly flat: Digest;
  /** Its layers in the form that it was built in, lowest first. */
  readonly layers: readonly Pick<Descriptor, "digest" | "sizeBytes">[];
}

/** The images that the names of the store point to, in the order of the names; several platforms are several. */
export function currentImages(store: Store): CurrentImage[] {
  return listImages(store).flatMap((name) => {
    const { images } = readNamedRecord(store, store.getRef(nameRef(name)) as Digest);
    return images.map(({ platform, record }) => {
      const { flat, manifest } = readStoredImage(store, record);
      const { layers } = parseManifest(store.read(manifest));
      return { name, platform, flat, layers: layers.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })) };
    });
  });
}
