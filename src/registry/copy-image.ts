// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isAshlarError } from "../base/index.ts";
import { makeLimiter } from "../fetch/index.ts";
import {
  type Descriptor,
  type ImageSource,
  type ImageTarget,
  isIndexType,
  isManifestType,
  ociLimits,
  parseIndex,
  parseManifest,
  verifyBlob,
} from "../oci/index.ts";
import { chooseRoot, type RootChoice } from "./choose-root.ts";
import { readVerified } from "./read-verified.ts";

export interface CopyOptions extends RootChoice {
  /** The tag in the target; without it the image has none there. */
  readonly tag?: string | undefined;
  /** Takes along what names the image, or a part of it, as its subject: signatures, bills of materials. */
  readonly referrers?: boolean | undefined;
  /** Blobs at a time, where the target takes several; 4 when absent. */
  readonly parallel?: number | undefined;
  /** Told of each blob and manifest before it is copied; `present` ones are not sent. */
  readonly onBlob?: ((descriptor: Descriptor, state: "copied" | "present") => void) | undefined;
  /** Told how many bytes of blobs went on; those of a blob that is sent again count again. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
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
  const copier = new Copier(source, target, options);
  const root = await chooseRoot(source, options);
  await copier.copyNode(root, { depth: 0, root: { tag: options.tag } });
  if (options.referrers === true) await copier.copyReferrers();
  return root;
}

interface Node {
  readonly depth: number;
  readonly root?: { readonly tag?: string | undefined };
}

/** Manifests copied because they refer to others; more is a registry that makes them up. */
const referrersMax = 1000;
/** Tries to send a blob from its beginning. */
const sendCountMax = 3;

class Copier {
  readonly #source: ImageSource;
  readonly #target: ImageTarget;
  readonly #options: CopyOptions;
  readonly #parallel: number;
  readonly #limit: ReturnType<typeof makeLimiter>;
  /** Manifests and indexes that were copied. */
  readonly #nodes = new Map<Digest, Descriptor>();
  /** Those that others name and that are under way or copied. */
  readonly #children = new Map<Digest, Promise<void>>();
  readonly #blobs = new Map<Digest, Promise<void>>();
  /** The first error of anything: what else is under way ends. */
  #fault: { readonly error: unknown } | undefined;

  constructor(source: ImageSource, target: ImageTarget, options: CopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#parallel = target.concurrent === true ? Math.max(1, options.parallel ?? 4) : 1;
    this.#limit = makeLimiter(this.#parallel);
  }

  async copyNode(descriptor: Descriptor, { depth, root }: Node): Promise<void> {
    if (depth > ociLimits.indexDepthMax) {
      throw new AshlarError(
        "OCI_LIMIT",
        `Cannot copy image: indexes are nested deeper than ${ociLimits.indexDepthMax}`,
      );
    }
    const bytes = await this.#limit(() => readVerified(this.#source, descriptor));
    if (isIndexType(descriptor.mediaType)) {
      const { manifests } = parseIndex(bytes, descriptor.mediaType);
      await this.#each(manifests, (child) => this.#copyChild(child, depth + 1));
    } else if (isManifestType(descriptor.mediaType)) await this.#copyBlobs(bytes, descriptor.mediaType);
    else {
      throw new AshlarError(
        "OCI_MEDIA_TYPE",
        `Cannot copy image: "${descriptor.mediaType}" is neither manifest nor index`,
      );
    }
    await this.#limit(() => this.#writeManifest(descriptor, bytes, root));
    this.#nodes.set(descriptor.digest, descriptor);
  }

  async #writeManifest(descriptor: Descriptor, bytes: Uint8Array, root: Node["root"]): Promise<void> {
    const present = await this.#target.has(descriptor);
    this.#options.onBlob?.(descriptor, present ? "present" : "copied");
    await this.#target.writeManifest(descriptor, bytes, root);
  }

  /** What an index names beside manifests and indexes is a blob to us. What several name is copied once. */
  #copyChild(child: Descriptor, depth: number): Promise<void> {
    if (!isIndexType(child.mediaType) && !isManifestType(child.mediaType)) return this.#copyBlob(child);
    const known = this.#children.get(child.digest);
    if (known !== undefined) return known;
    const work = this.copyNode(child, { depth });
    this.#children.set(child.digest, work);
    return work;
  }

  async #copyBlobs(bytes: Uint8Array, mediaType: string): Promise<void> {
    const { config, layers } = parseManifest(bytes, mediaType);
    await this.#each([...layers, config], (blob) => this.#copyBlob(blob));
  }

  /** A blob that several manifests name is copied once, and each of them waits for it. */
  #copyBlob(descriptor: Descriptor): Promise<void> {
    const known = this.#blobs.get(descriptor.digest);
    if (known !== undefined) return known;
    const work = this.#limit(() => this.#sendBlob(descriptor));
    this.#blobs.set(descriptor.digest, work);
    return work;
  }

  async #sendBlob(descriptor: Descriptor): Promise<void> {
    const present = await this.#target.has(descriptor);
    this.#options.onBlob?.(descriptor, present ? "present" : "copied");
    for (let count = 1; !present; count++) {
      try {
        await this.#target.writeBlob(descriptor, this.#read(descriptor));
        return;
      } catch (error) {
        if (count >= sendCountMax || !isAshlarError(error, "REGISTRY_UPLOAD_LOST")) throw error;
      }
    }
  }

  async *#read(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    for await (const piece of verifyBlob(descriptor, this.#source.blob(descriptor))) {
      if (this.#fault !== undefined) throw this.#fault.error;
      this.#options.onBytes?.(piece.length);
      yield piece;
    }
  }

  /** Copies the referrers of everything copied so far, and theirs in turn; the target lists them by themselves. */
  async copyReferrers(): Promise<void> {
    const { referrers } = this.#source;
    if (referrers === undefined) return;
    let count = 0;
    // The map grows while its new members are walked through.
    for (const subject of this.#nodes.values()) {
      const found = await referrers.call(this.#source, subject);
      count += found.length;
      if (count > referrersMax) {
        throw new AshlarError("OCI_LIMIT", `Cannot copy image: it has more than ${referrersMax} referrers, want fewer`);
      }
      const fresh = found.filter(({ digest }) => !this.#nodes.has(digest));
      await this.#each(fresh, (referrer) => this.copyNode(referrer, { depth: 0, root: {} }));
    }
  }

  /** Does the work for each item, some at a time; after a fault nothing new is begun, and it is thrown at the end. */
  async #each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const queue = items.values();
    const worker = async (): Promise<void> => {
      for (const item of queue) {
        if (this.#fault !== undefined) return;
        await work(item).catch((error: unknown) => void (this.#fault ??= { error }));
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#parallel, items.length) }, worker));
    if (this.#fault !== undefined) throw this.#fault.error;
  }
}
