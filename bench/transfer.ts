// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { writeSection } from "./page.ts";
import { ashlar } from "./transfer/ashlar.ts";
import { casync } from "./transfer/casync.ts";
import type { Client, Place } from "./transfer/client.ts";
import { type Images, openImages } from "./transfer/images.ts";
import { measurePairs, type Pair, pairs, type Result } from "./transfer/measure-pairs.ts";
import { loopback, type Network, openLink } from "./transfer/network.ts";
import { ostree } from "./transfer/ostree.ts";
import { podman } from "./transfer/podman.ts";
import { showTransfers } from "./transfer/show-transfers.ts";
import { openFiles, openRegistry } from "./transfer/servers.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

/**
 * `sh tools/run bench/transfer.ts [--root TRIXIE_ROOT] [--runs 3] [--only CLIENTS] [--pair WORD] [--no-link]
 * [--area DIR]`: brings images with Ashlar and its peers over 127.0.0.1 and over a link of 50 ms, counts by a proxy,
 * and writes its section of docs/benchmarks.md. Needs root, docker-registry, nginx, skopeo, curl, GNU time and Python;
 * podman is that of a root of trixie; peers that are not here are left out and named. `--area` keeps what was made for
 * the next time; with `--only` or `--pair` the section stays as it is.
 */
async function main(): Promise<void> {
  const kept = option("--area");
  const dir = kept ?? mkdtempSync(join(tmpdir(), "ashlar-transfer-"));
  mkdirSync(dir, { recursive: true });
  const runs = Number(option("--runs") ?? 3);
  const only = option("--only");
  try {
    const workshop = openWorkshop(dir, runs);
    const images = openImages(workshop);
    const results = new Map<string, readonly Result[]>();
    results.set(loopback.name, await measureOver(loopback, { workshop, images }));
    if (!process.argv.includes("--no-link")) {
      const network = await openLink();
      try {
        results.set(network.name, await measureOver(network, { workshop, images }));
      } finally {
        await network.close();
      }
    }
    const text = showTransfers(results, images);
    console.log(text);
    if (only === undefined && option("--pair") === undefined) writeSection("Transfers", text);
  } finally {
    if (kept === undefined) rmSync(dir, { recursive: true, force: true });
  }
}

async function measureOver(
  network: Network,
  { workshop, images }: { readonly workshop: Workshop; readonly images: Images },
): Promise<readonly Result[]> {
  const filesDir = join(workshop.dir, "files");
  mkdirSync(filesDir, { recursive: true });
  const registry = await openRegistry(join(workshop.dir, "registry"), network);
  const files = await openFiles(filesDir, network);
  try {
    const clients = clientsOf({ workshop, images, network, registry, files, filesDir });
    if (network === loopback) publishAll(clients, workshop);
    return await measurePairs(wantedPairs(), clients, { network, runs: workshop.runs });
  } finally {
    await files.close();
    await registry.close();
  }
}

function clientsOf(place: Place): readonly Client[] {
  const root = option("--root") ?? "/nowhere";
  const all = [
    ashlar(place, { checkout: false }),
    ashlar(place, { checkout: true }),
    podman(place, { root, form: "zstd:chunked" }),
    podman(place, { root, form: "gzip" }),
    ostree(place),
    casync(place),
  ];
  const only = new RegExp(option("--only") ?? "");
  return all.filter((client) => {
    const missing = client.missing();
    if (missing !== undefined) console.error(`${client.name} is left out: ${missing}`);
    return missing === undefined && only.test(client.name);
  });
}

function wantedPairs(): readonly Pair[] {
  return pairs.filter(({ image }) => image.includes(option("--pair") ?? ""));
}

/** Publishes each image once for each client; a kept area says what was. */
function publishAll(clients: readonly Client[], workshop: Workshop): void {
  const images = new Set(wantedPairs().flatMap(({ image, held }) => [image, ...(held === undefined ? [] : [held])]));
  for (const client of clients) {
    for (const image of images) {
      const mark = join(workshop.dir, `published ${client.name} ${image}`);
      if (existsSync(mark)) continue;
      console.error(`publish ${image} for ${client.name}`);
      client.publish(image);
      writeFileSync(mark, "");
    }
  }
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

await main();
