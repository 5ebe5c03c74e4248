// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, Hasher, type ImagePath } from "../base/index.ts";
import { detectCompression } from "../formats/index.ts";
import {
  annotationKeys,
  type Descriptor,
  describeBytes,
  encodeManifest,
  type ImageSource,
  mediaTypes,
  parseConfig,
  verifyLayerCount,
} from "../oci/index.ts";
import { type DockerImage, parseDockerManifest } from "./docker-manifest.ts";
import { readDocument, type Span, streamFile } from "./file-reader.ts";
import { resolveTag } from "./layout-index.ts";
import { readTarMembers, type TarMembers } from "./tar-members.ts";

/**
 * Reads images from an archive of `docker save`. It holds no manifests, so one is made for each image: its
 * config as it is, its layers as they lie in the archive (uncompressed, as a rule). A tag is `name:tag`.
 * Throws `REGISTRY_ARCHIVE`, `OCI_BLOB_MISSING`.
 */
export function dockerArchiveSource(path: string): ImageSource {
  let archive: Promise<DockerArchive> | undefined;
  const open = (): Promise<DockerArchive> => (archive ??= DockerArchive.read(path));
  return {
    resolve: async (tag) => resolveTag((await open()).entries, tag, `archive "${path}"`),
    manifest: async (descriptor) => (await open()).manifest(descriptor),
    async *blob(descriptor) {
      yield* streamFile(path, (await open()).span(descriptor));
    },
  };
}

class DockerArchive {
  readonly #path: string;
  readonly #members: TarMembers;
  readonly #manifests = new Map<Digest, Uint8Array>();
  readonly #spans = new Map<Digest, Span>();
  readonly entries: Descriptor[] = [];

  private constructor(path: string) {
    this.#path = path;
    this.#members = readTarMembers(path);
  }

  static async read(path: string): Promise<DockerArchive> {
    const archive = new DockerArchive(path);
    const images = parseDockerManifest(readDocument(path, archive.#find("manifest.json" as ImagePath)));
    for (const image of images) await archive.#addImage(image);
    return archive;
  }

  async #addImage(image: DockerImage): Promise<void> {
    const span = this.#find(image.config);
    const bytes = readDocument(this.#path, span);
    const config = describeBytes(mediaTypes.config, bytes);
    this.#spans.set(config.digest, span);
    const { diffIds, platform } = parseConfig(bytes);
    verifyLayerCount({ diffIds }, image.layers.length);
    const layers: Descriptor[] = [];
    for (const [i, name] of image.layers.entries()) layers.push(await this.#addLayer(name, diffIds[i] as Digest));
    const manifest = encodeManifest({ mediaType: mediaTypes.manifest, config, layers });
    const descriptor = describeBytes(mediaTypes.manifest, manifest);
    this.#manifests.set(descriptor.digest, manifest);
    if (image.repoTags.length === 0) this.entries.push({ ...descriptor, platform });
    for (const tag of image.repoTags) {
      this.entries.push(
        { ...descriptor, platform, annotations: { [annotationKeys.refName]: tag } },
      );
    }
  }

  async #addLayer(name: ImagePath, diffId: Digest): Promise<Descriptor> {
    const span = this.#find(name);
    const compression = await this.#compressionOf(span);
    // The consumer verifies the blob, so the claimed diffId will do as the digest of an uncompressed tar.
    const digest = compression === "none" ? diffId : await this.#digestOf(span);
    this.#spans.set(digest, span);
    const mediaType = { none: mediaTypes.layer, gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd }[compression];
    return { mediaType, digest, sizeBytes: span.sizeBytes };
  }

  async #compressionOf(span: Span): Promise<"none" | "gzip" | "zstd"> {
    for await (const piece of streamFile(this.#path, { ...span, sizeBytes: Math.min(6, span.sizeBytes) })) {
      const kind = detectCompression(piece);
      if (kind === "xz") {
        throw new AshlarError(
          "REGISTRY_ARCHIVE",
          `Cannot read archive "${this.#path}": xz layers are not supported`,
        );
      }
      return kind;
    }
    return "none";
  }

  async #digestOf(span: Span): Promise<Digest> {
    const hasher = new Hasher();
    for await (const piece of streamFile(this.#path, span)) hasher.update(piece);
    return hasher.digest();
  }

  manifest(descriptor: Descriptor): Uint8Array {
    return this.#manifests.get(descriptor.digest) ?? this.#missing(descriptor.digest);
  }

  span(descriptor: Descriptor): Span {
    return this.#spans.get(descriptor.digest) ?? this.#missing(descriptor.digest);
  }

  #find(name: ImagePath): Span {
    return this.#members.find(name) ?? this.#missing(name);
  }

  #missing(what: string): never {
    throw new AshlarError("OCI_BLOB_MISSING", `Cannot read "${what}" in archive "${this.#path}": no such member`);
  }
}
