// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { type Digest, digestOf } from "../../base/index.ts";
import {
  annotationKeys,
  describeBytes,
  encodeConfig,
  encodeManifest,
  type Image,
  type Layer,
  mediaTypes,
  parsePlatform,
} from "../../oci/index.ts";

/** An eStargz blob and what its writer says of it. */
export interface EstargzBlob {
  readonly bytes: Uint8Array;
  readonly diffId: Digest;
  readonly tocDigest: string;
  readonly tarBytes: number;
}

/** A blob by the reference implementation: `sh tools/run test/long/estargz.ts --update` made them. */
export function estargzFixture(name: "built" | "next" | "wrapped" | "gnu"): EstargzBlob {
  const dir = join(import.meta.dirname, "estargz");
  const facts = JSON.parse(readFileSync(join(dir, "blobs.json"), "utf8")) as Record<string, Omit<EstargzBlob, "bytes">>;
  return { ...(facts[name] as Omit<EstargzBlob, "bytes">), bytes: readFileSync(join(dir, `${name}.tar.gz`)) };
}

/** An image of eStargz layers; `annotations` change those that its writers set. */
export function estargzImage(
  blobs: readonly EstargzBlob[],
  annotations: Readonly<Record<string, string | undefined>> = {},
): Image {
  const layers = blobs.map((blob) => layerOf(blob, annotations));
  const platform = parsePlatform("linux/amd64");
  const config = encodeConfig({
    ...{ created: "2026-01-02T03:04:05Z", platform, config: {} },
    diffIds: layers.map(({ diffId }) => diffId),
    history: layers.map((_, i) => ({ createdBy: `sample ${i}` })),
  });
  const manifest = encodeManifest({
    mediaType: mediaTypes.manifest,
    config: describeBytes(mediaTypes.config, config),
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: {},
  });
  return { platform, manifest, manifestDescriptor: describeBytes(mediaTypes.manifest, manifest), config, layers };
}

function layerOf(
  { bytes, diffId, tocDigest, tarBytes }: EstargzBlob,
  more: Readonly<Record<string, string | undefined>>,
): Layer {
  const all = {
    [annotationKeys.estargzTocDigest]: tocDigest,
    [annotationKeys.estargzTarBytes]: String(tarBytes),
    ...more,
  };
  const annotations = Object.fromEntries(
    Object.entries(all).flatMap(([key, value]): [string, string][] => (value === undefined ? [] : [[key, value]])),
  );
  const descriptor = {
    mediaType: mediaTypes.layerGzip,
    digest: digestOf(bytes),
    sizeBytes: bytes.length,
    annotations,
  };
  async function* open(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
  }
  return { descriptor, diffId, open };
}
