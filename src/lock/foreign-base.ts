// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Stanza } from "../debian/index.ts";
import type { OciFromDocument } from "../spec/index.ts";

/** What a foreign image is for one platform. */
export interface ForeignBase {
  /** Its manifest for the platform. */
  readonly manifest: Digest;
  /** The stanzas of its dpkg database (`status`, `status.d`) whose packages are installed, whole, in any order. */
  readonly installed: readonly Stanza[];
}

/** Reads the foreign image that an image stands on. Throws what reading it throws, e.g. `BUILD_BASE_MISSING`. */
export type ReadBase = (from: OciFromDocument, platform: string) => Promise<ForeignBase>;
