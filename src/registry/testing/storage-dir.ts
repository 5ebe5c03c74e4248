// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

import { digestOf, hexOf, pathToBytes } from "../../base/index.ts";
import { crc64, crc64Hex, encodeTarHeader, type Entry, tarEnd, tarPadding } from "../../formats/index.ts";
import { describeBytes, encodeConfig, encodeManifest, mediaTypes, parsePlatform } from "../../oci/index.ts";
import { bigDataName } from "../storage-records.ts";
import { type Member, tarOf } from "./sample-image.ts";

export type Driver = "overlay" | "vfs";

/** An image in a storage that `writeStorage` made; `paths` are what a test may damage. */
export interface StoredImage {
  readonly id: string;
  readonly root: string;
  readonly paths: {
    readonly images: string;
    readonly layers: string;
    readonly config: string;
    readonly manifest: string;
    /** Lowest first. */
    readonly splits: readonly string[];
    readonly files: readonly string[];
  };
}

interface StorageOptions {
  readonly driver?: Driver;
  readonly names?: readonly string[];
}

/** Lays out one image as podman's storage does: lists, big data, tar-split and files of each layer. */
export function writeStorage(
  root: string,
  layers: readonly (readonly Member[])[],
  { driver = "overlay", names = ["localhost/app:latest"] }: StorageOptions = {},
): StoredImage {
  const diffIds = layers.map((members) => digestOf(tarOf(...members)));
  const ids = diffIds.map((diffId) => hexOf(diffId));
  const config = encodeConfig({ platform: parsePlatform("linux/amd64"), config: {}, diffIds, history: [] });
  const described = describeBytes(mediaTypes.config, config);
  const blobs = layers.map((members) => describeBytes(mediaTypes.layer, tarOf(...members)));
  const id = hexOf(described.digest);
  const image = join(root, `${driver}-images`, id);
  const paths = {
    images: join(root, `${driver}-images/images.json`),
    layers: join(root, `${driver}-layers/layers.json`),
    config: join(image, bigDataName(described.digest)),
    manifest: join(image, "manifest"),
    splits: ids.map((layer) => join(root, `${driver}-layers/${layer}.tar-split.gz`)),
    files: ids.map((layer) => join(root, driver, driver === "vfs" ? `dir/${layer}` : `${layer}/diff`)),
  };
  const stored = { id, root, paths };
  put(paths.images, JSON.stringify([{ id, names, layer: ids.at(-1) }]));
  put(paths.layers, JSON.stringify(ids.map((layer, i) => ({
    id: layer, ...(i === 0 ? {} : { parent: ids[i - 1] }), "diff-size": blobs[i]?.sizeBytes,
  }))));
  put(paths.config, config);
  put(paths.manifest, encodeManifest({ mediaType: mediaTypes.manifest, config: described, layers: blobs }));
  layers.forEach((members, i) => {
    put(paths.splits[i] as string, gzipSync(splitOf(members)));
    layOut(paths.files[i] as string, members);
  });
  return stored;
}

/** The tar of some members without their contents, as vbatts/tar-split writes it. */
export function splitOf(members: readonly Member[]): string {
  const lines: object[] = [];
  const raw = (...parts: Uint8Array[]): void =>
    void lines.push({ type: 2, payload: Buffer.concat(parts).toString("base64"), position: lines.length });
  let padding: Uint8Array = new Uint8Array();
  for (const [entry, bytes = new Uint8Array()] of members) {
    raw(padding, encodeTarHeader(entry));
    padding = tarPadding(bytes.length);
    const sum = Buffer.from(crc64Hex(crc64(bytes)), "hex").toString("base64");
    const rest = bytes.length === 0 ? { payload: null } : { size: bytes.length, payload: sum };
    lines.push({ type: 1, ...nameOf(entry), ...rest, position: lines.length });
  }
  raw(padding, tarEnd);
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

function nameOf({ path }: Entry): object {
  return path.isWellFormed() ? { name: path } : { name_raw: pathToBytes(path).toString("base64") };
}

function layOut(dir: string, members: readonly Member[]): void {
  mkdirSync(dir, { recursive: true });
  for (const [{ path }, bytes] of members) {
    if (bytes === undefined || path.includes(".wh.")) continue;
    put(Buffer.concat([Buffer.from(`${dir}/`), pathToBytes(path)]), bytes, join(dir, dirname(path)));
  }
}

function put(path: string | Buffer, bytes: Uint8Array | string, dir = dirname(String(path))): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(path, bytes);
}

/** Changes the text of a tar-split in place. */
export function changeSplit(path: string, change: (text: string) => string): void {
  writeFileSync(path, gzipSync(change(gunzipSync(readFileSync(path)).toString("utf8"))));
}
