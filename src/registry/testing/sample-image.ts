// SPDX-License-Identifier: Apache-2.0
import { zstdCompressSync, gzipSync } from "node:zlib";

import { type Digest, digestOf, parsePath } from "../../base/index.ts";
import { encodeTarHeader, type Entry, tarEnd, tarPadding } from "../../formats/index.ts";
import {
  describeBytes,
  encodeConfig,
  encodeIndex,
  encodeManifest,
  type Image,
  type ImageIndex,
  type Layer,
  mediaTypes,
  parsePlatform,
} from "../../oci/index.ts";

const meta = { uid: 0, gid: 0, mtimeSeconds: 0 };

export function dir(path: string): [Entry] {
  return [{ ...meta, type: "dir", path: parsePath(path), mode: 0o755 }];
}

export function file(path: string, text: string | Uint8Array, change: Partial<Entry> = {}): [Entry, Uint8Array] {
  const bytes = Buffer.from(text as string);
  const entry = {
    ...meta,
    type: "file",
    path: parsePath(path),
    mode: 0o644,
    sizeBytes: bytes.length,
    content: digestOf(bytes),
  };
  return [{ ...entry, ...change } as Entry, bytes];
}

export function link(path: string, target: string, type: "symlink" | "hardlink" = "symlink"): [Entry] {
  return [{ ...meta, type, path: parsePath(path), mode: 0o777, target } as Entry];
}

export type Member = readonly [Entry, Uint8Array?];

/** A tar of entries in the order given. */
export function tarOf(...members: readonly Member[]): Uint8Array {
  const blocks = members.flatMap(([entry, bytes]) => [
    encodeTarHeader(entry),
    ...(bytes === undefined ? [] : [bytes, tarPadding(bytes.length)]),
  ]);
  return Buffer.concat([...blocks, tarEnd]);
}

export type SampleForm = "none" | "gzip" | "zstd";

const forms = {
  none: { mediaType: mediaTypes.layer, pack: (tar: Uint8Array): Uint8Array => tar },
  gzip: { mediaType: mediaTypes.layerGzip, pack: (tar: Uint8Array): Uint8Array => gzipSync(tar) },
  zstd: { mediaType: mediaTypes.layerZstd, pack: (tar: Uint8Array): Uint8Array => zstdCompressSync(tar) },
} as const;

export function layerOf(tar: Uint8Array, form: SampleForm): Layer {
  const blob = forms[form].pack(tar);
  return {
    descriptor: describeBytes(forms[form].mediaType, blob),
    diffId: digestOf(tar),
    async *open() {
      for (let at = 0; at < blob.length; at += 700) yield blob.subarray(at, at + 700);
    },
  };
}

/** A small image of two layers; `note` makes it another one. */
export function sampleImage(form: SampleForm, note = "", platform = "linux/amd64"): Image {
  const lower = tarOf(
    dir("etc"),
    file("etc/os-release", "ID=sample\n"),
    file("etc/gone", "x"),
    link("etc/link", "os-release"),
  );
  const upper = tarOf(dir("etc"), file("etc/.wh.gone", ""), file("etc/note", `note ${note}\n`, { mode: 0o600 }));
  return imageOf([lower, upper], form, platform);
}

export function imageOf(tars: readonly Uint8Array[], form: SampleForm, platform = "linux/amd64"): Image {
  const layers = tars.map((tar) => layerOf(tar, form));
  const config = encodeConfig({
    created: "2026-01-02T03:04:05Z",
    platform: parsePlatform(platform),
    config: { entrypoint: ["/bin/true"], env: ["A=b"], labels: { "sample.note": "yes" } },
    diffIds: layers.map((layer): Digest => layer.diffId),
    history: layers.map((_, i) => ({ createdBy: `sample ${i}` })),
  });
  const manifest = encodeManifest({
    mediaType: mediaTypes.manifest,
    config: describeBytes(mediaTypes.config, config),
    layers: layers.map((layer) => layer.descriptor),
  });
  return {
    platform: parsePlatform(platform),
    manifest,
    manifestDescriptor: describeBytes(mediaTypes.manifest, manifest),
    config,
    layers,
  };
}

/** The sample for amd64 and arm64. */
export function sampleIndex(form: SampleForm): ImageIndex {
  const images = ["linux/amd64", "linux/arm64"].map((platform) => sampleImage(form, "", platform));
  const manifests = images.map((image) => ({ ...image.manifestDescriptor, platform: image.platform }));
  const index = encodeIndex({ mediaType: mediaTypes.index, manifests });
  return { index, indexDescriptor: describeBytes(mediaTypes.index, index), images };
}
