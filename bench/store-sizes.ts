// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { writeSection } from "./page.ts";
import { showMegabytes } from "./report.ts";
import { type Images, openImages } from "./transfer/images.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

/**
 * `sh tools/run bench/store-sizes.ts [--area DIR]`: what R1, R2 and R3 take in Ashlar's store and in its peers', and
 * what the same with one package more adds; writes its section of docs/benchmarks.md. Peers that are not here are
 * left out and named. `--area` keeps what was made for the next time.
 */
const first = ["r1", "r2", "r3"];
const more = ["r1-less", "r2-less", "r3-less"];
const bytesMax = 110e6;
const growthMax = 0.5e6;

interface Store {
  readonly name: string;
  /** A program that it needs. */
  readonly program: string;
  open(): void;
  add(image: string): void;
  bytes(): number;
}

function main(): void {
  const at = process.argv.indexOf("--area");
  const kept = at < 0 ? undefined : process.argv[at + 1];
  const dir = kept ?? mkdtempSync(join(tmpdir(), "ashlar-stores-"));
  mkdirSync(dir, { recursive: true });
  try {
    const workshop = openWorkshop(dir, 1);
    const images = openImages(workshop);
    const stores = [ours, borg, restic, archive, bare, containers].map((make) => make(workshop, images));
    const text = [intro, table(stores.map(measure))].join("\n\n");
    console.log(text);
    writeSection("Stores", text);
  } finally {
    if (kept === undefined) rmSync(dir, { recursive: true, force: true });
  }
}

const intro = `Bytes on the disk (apparent sizes, a file with several names once) after R1, R2 and R3, and what the
same three with the package less more add. Ours holds frames and an index, downloads not counted; borg compresses by
zstd 3, restic by itself, ostree's archive by zlib. containers-storage is podman's, with overlay; the images share
their base layer there. Written by \`sh tools/run bench/store-sizes.ts\`. The budget is ${showMegabytes(bytesMax)} and
${showMegabytes(growthMax)} more.`;

interface Measured {
  readonly name: string;
  readonly sizes?: readonly [number, number];
}

function measure(store: Store): Measured {
  if (spawnSync("sh", ["-c", `command -v ${store.program}`]).status !== 0) return { name: store.name };
  store.open();
  const sizes = [first, more].map((images) => {
    for (const image of images) store.add(image);
    return store.bytes();
  }) as [number, number];
  console.error(`${store.name}: ${sizes.join(", ")}`);
  return { name: store.name, sizes };
}

function table(all: readonly Measured[]): string {
  const lines = all.map(({ name, sizes }) => {
    if (sizes === undefined) return `| ${name} | not installed here | |`;
    const growth = `+${((sizes[1] - sizes[0]) / 1e6).toFixed(2)} MB`;
    return `| ${name} | ${showMegabytes(sizes[0])} | ${growth} |`;
  });
  return ["| store | R1, R2 and R3 | with less, three more |", "|---|---|---|", ...lines].join("\n");
}

function ours({ ashlar, dir, run, spec, freshStore }: Workshop): Store {
  const store = join(dir, "size-store");
  return {
    name: "Ashlar",
    program: "sh",
    open() {
      for (const image of [...first, ...more]) spec(image);
      freshStore("size-store");
    },
    add: (image) => void run([ashlar, "build", spec(image), "--offline", "--quiet", "--store", store]),
    bytes() {
      const stats = JSON.parse(run([ashlar, "store", "stats", "--json", "--store", store])) as {
        packBytes: number;
        indexBytes: number;
      };
      return stats.packBytes + stats.indexBytes;
    },
  };
}

function borg({ dir, run }: Workshop, images: Images): Store {
  const repository = join(dir, "borg");
  const free = "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK";
  const env = { BORG_BASE_DIR: join(dir, "borg-home"), BORG_RELOCATED_REPO_ACCESS_IS_OK: "yes", [free]: "yes" };
  return {
    name: "borg, zstd 3",
    program: "borg",
    open: fresh(repository, () => run(["borg", "init", "--encryption=none", repository], env)),
    add: (image) =>
      void run(["borg", "create", "--compression=zstd,3", `${repository}::${image}`, images.tree(image)], env),
    bytes: () => sizeOf(repository),
  };
}

function restic({ dir, run }: Workshop, images: Images): Store {
  const repository = join(dir, "restic");
  const options = ["--quiet", "--no-cache", `--repo=${repository}`];
  const env = { RESTIC_PASSWORD: "bench" };
  return {
    name: "restic",
    program: "restic",
    open: fresh(repository, () => run(["restic", ...options, "init"], env)),
    add: (image) => void run(["restic", ...options, "backup", images.tree(image)], env),
    bytes: () => sizeOf(repository),
  };
}

const archive = (workshop: Workshop, images: Images): Store => ostree(workshop, images, "archive");
const bare = (workshop: Workshop, images: Images): Store => ostree(workshop, images, "bare");

function ostree({ dir, run }: Workshop, images: Images, mode: string): Store {
  const repository = join(dir, `ostree-${mode}`);
  const ostree = ["ostree", `--repo=${repository}`];
  return {
    name: `ostree, ${mode}`,
    program: "ostree",
    open: fresh(repository, () => run([...ostree, "init", `--mode=${mode}`])),
    add: (image) => void run([...ostree, "commit", `--branch=${image}`, `--tree=dir=${images.tree(image)}`]),
    bytes: () => sizeOf(repository),
  };
}

function containers({ dir, run }: Workshop, images: Images): Store {
  const root = join(dir, "containers");
  const storage = `containers-storage:[overlay@${root}+${join(dir, "containers-run")}]`;
  return {
    name: "containers-storage",
    program: "skopeo",
    open: fresh(root, () => ""),
    add(image) {
      const from = `oci:${images.layout(image, "gzip")}:v1`;
      const copy = ["skopeo", "copy", "--quiet", "--insecure-policy", from, `${storage}localhost/${image}:v1`];
      // Its mount of the storage ends with the namespace.
      run(["unshare", "--mount", ...copy]);
    },
    bytes: () => sizeOf(root),
  };
}

function fresh(path: string, init: () => string): () => void {
  return () => {
    rmSync(path, { recursive: true, force: true });
    init();
  };
}

function sizeOf(path: string): number {
  const { stdout } = spawnSync("du", ["-s", "--apparent-size", "-B1", path], { encoding: "utf8" });
  return Number(stdout.split("\t")[0]);
}

main();
