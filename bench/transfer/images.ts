// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Workshop } from "../workshop.ts";

/** The forms of layers that are published. */
export type Form = "zstd:chunked" | "gzip";

/** The images of a measurement, built once, as their publishers and their readers want them. */
export interface Images {
  /** An OCI layout, tag "v1". */
  layout(name: string, form: Form): string;
  /** The root file system. */
  tree(name: string): string;
}

export function openImages(workshop: Workshop): Images {
  for (const name of ["layouts", "trees"]) mkdirSync(join(workshop.dir, name), { recursive: true });
  return {
    layout(name, form) {
      const path = join(workshop.dir, "layouts", `${name}-${form.replace(":", "-")}`);
      const output = ["--compression", form, "--output", `oci:${path}:v1`];
      if (!existsSync(path)) {
        const build = [workshop.ashlar, "build", workshop.spec(name), "--frozen", "--offline", "--quiet"];
        workshop.run([...build, "--store", workshop.warmStore, ...output]);
      }
      return path;
    },
    tree(name) {
      const path = join(workshop.dir, "trees", name);
      workshop.spec(name);
      const checkout = [workshop.ashlar, "checkout", `bench/${name}`, path, "--quiet", "--store", workshop.warmStore];
      if (!existsSync(path)) workshop.run(checkout);
      return path;
    },
  };
}

/** What the tables of contents of an image's layers say. */
export interface Inventory {
  /** Bytes of all layers. */
  readonly blobBytes: number;
  readonly layers: readonly string[];
  /** Of each content its bytes, plain and as a frame. */
  readonly contents: ReadonlyMap<string, { readonly plain: number; readonly frame: number }>;
}

interface Manifest {
  readonly layers: readonly {
    readonly digest: string;
    readonly size: number;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

interface TocEntry {
  readonly digest?: string;
  readonly size?: number;
  readonly offset?: number;
  readonly endOffset?: number;
}

/** Reads the tables of contents of a zstd:chunked image. */
export function readInventory(layout: string): Inventory {
  const blob = (digest: string): Buffer => readFileSync(join(layout, "blobs/sha256", digest.slice(7)));
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: { digest: string }[] };
  const { layers } = JSON.parse(String(blob(index.manifests[0]?.digest ?? ""))) as Manifest;
  const contents = new Map<string, { plain: number; frame: number }>();
  for (const { digest, annotations } of layers) {
    const position = annotations["io.github.containers.zstd-chunked.manifest-position"] as string;
    const [offset, length] = position.split(":").map(Number) as [number, number];
    const toc = expand(blob(digest).subarray(offset, offset + length)) as { entries: TocEntry[] };
    for (const entry of toc.entries) {
      if (entry.digest === undefined) continue;
      const frame = (entry.endOffset ?? 0) - (entry.offset ?? 0);
      contents.set(entry.digest, { plain: entry.size ?? 0, frame });
    }
  }
  const blobBytes = layers.reduce((sum, layer) => sum + layer.size, 0);
  return { blobBytes, layers: layers.map((layer) => layer.digest), contents };
}

/** By the zstd program: a table of contents may be of several frames. */
function expand(bytes: Buffer): unknown {
  return JSON.parse(String(execFileSync("zstd", ["-dc"], { input: bytes, maxBuffer: 1 << 28 })));
}

/** What an image has that another one has not. */
export function missingFrom(held: Inventory | undefined, wanted: Inventory): Missing {
  const absent = [...wanted.contents].filter(([digest]) => !held?.contents.has(digest)).map(([, sizes]) => sizes);
  const sum = (key: "plain" | "frame"): number => absent.reduce((total, sizes) => total + sizes[key], 0);
  return { files: absent.length, plainBytes: sum("plain"), frameBytes: sum("frame") };
}

export interface Missing {
  readonly files: number;
  readonly plainBytes: number;
  readonly frameBytes: number;
}
