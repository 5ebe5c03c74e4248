// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import {
  type Descriptor,
  type ImageSource,
  type ImageTarget,
  isIndexType,
  isManifestType,
  ociLimits,
  parseIndex,
  parseManifest,
  type Platform,
  selectPlatform,
  verifyBlob,
  verifyBytes,
} from "../oci/index.ts";

export interface CopyOptions {
  /** The source's tag; without it its only image. */
  readonly from?: string | undefined;
  /** The tag in the target; without it the image has none there. */
  readonly tag?: string | undefined;
  /** Copies only this image of an index. */
  readonly platform?: Platform | undefined;
  /** Told of each blob and manifest before it is copied; `present` ones are not sent. */
  readonly onBlob?: ((descriptor: Descriptor, state: "copied" | "present") => void) | undefined;
}

/**
 * Copies an image, or several under an index, with everything they name; push, pull and export are this. Every
 * byte is verified on its way. Blobs go before their manifest, and what the target has is not sent. The caller
 * ends with `target.finish()`, or `target.abort()` after an error. Returns the descriptor of what was tagged.
 * Throws `OCI_*` and the errors of both places.
 */
export async function copyImage(
  source: ImageSource,
  target: ImageTarget,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const copier = new Copier(source, target, options.onBlob ?? (() => {}));
  let root = await source.resolve(options.from);
  if (options.platform !== undefined && isIndexType(root.mediaType)) {
    const index = parseIndex(await copier.readDocument(root), root.mediaType);
    root = selectPlatform(index, options.platform);
  }
  await copier.copyNode(root, { depth: 0, root: { tag: options.tag } });
  return root;
}

interface Node {
  readonly depth: number;
  readonly root?: { readonly tag?: string | undefined };
}

class Copier {
  readonly #source: ImageSource;
  readonly #target: ImageTarget;
  readonly #onBlob: (descriptor: Descriptor, state: "copied" | "present") => void;
  readonly #done = new Set<Digest>();

  constructor(
    source: ImageSource,
    target: ImageTarget,
    onBlob: (descriptor: Descriptor, state: "copied" | "present") => void,
  ) {
    this.#source = source;
    this.#target = target;
    this.#onBlob = onBlob;
  }

  /** The verified bytes of a manifest or index. */
  async readDocument(descriptor: Descriptor): Promise<Uint8Array> {
    if (descriptor.sizeBytes > ociLimits.documentBytesMax) {
      const text = `Cannot read manifest "${descriptor.digest}": it has ${descriptor.sizeBytes} bytes, want at most`;
      throw new AshlarError("OCI_LIMIT", `${text} ${ociLimits.documentBytesMax}`);
    }
    return verifyBytes(descriptor, await this.#source.manifest(descriptor));
  }

  async copyNode(descriptor: Descriptor, { depth, root }: Node): Promise<void> {
    if (this.#done.has(descriptor.digest) && root === undefined) return;
    if (depth > ociLimits.indexDepthMax) {
      throw new AshlarError(
        "OCI_LIMIT",
        `Cannot copy image: indexes are nested deeper than ${ociLimits.indexDepthMax}`,
      );
    }
    const bytes = await this.readDocument(descriptor);
    if (isIndexType(descriptor.mediaType)) {
      for (const child of parseIndex(bytes, descriptor.mediaType).manifests) await this.#copyChild(child, depth + 1);
    } else if (isManifestType(descriptor.mediaType)) await this.#copyBlobs(bytes, descriptor.mediaType);
    else {
      throw new AshlarError(
        "OCI_MEDIA_TYPE",
        `Cannot copy image: "${descriptor.mediaType}" is neither manifest nor index`,
      );
    }
    this.#onBlob(descriptor, (await this.#target.has(descriptor)) ? "present" : "copied");
    await this.#target.writeManifest(descriptor, bytes, root);
    this.#done.add(descriptor.digest);
  }

  /** What an index names beside manifests and indexes is a blob to us. */
  async #copyChild(child: Descriptor, depth: number): Promise<void> {
    const isNode = isIndexType(child.mediaType) || isManifestType(child.mediaType);
    await (isNode ? this.copyNode(child, { depth }) : this.#copyBlob(child));
  }

  async #copyBlobs(bytes: Uint8Array, mediaType: string): Promise<void> {
    const { config, layers } = parseManifest(bytes, mediaType);
    for (const blob of [...layers, config]) await this.#copyBlob(blob);
  }

  async #copyBlob(descriptor: Descriptor): Promise<void> {
    if (this.#done.has(descriptor.digest)) return;
    const present = await this.#target.has(descriptor);
    this.#onBlob(descriptor, present ? "present" : "copied");
    if (!present) await this.#target.writeBlob(descriptor, verifyBlob(descriptor, this.#source.blob(descriptor)));
    this.#done.add(descriptor.digest);
  }
}
