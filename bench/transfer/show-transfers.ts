// SPDX-License-Identifier: Apache-2.0
import { cpus } from "node:os";

import { type Images, type Inventory, missingFrom, readInventory } from "./images.ts";
import { type Pair, pairs, patienceSeconds, type Result } from "./measure-pairs.ts";
import { link } from "./network.ts";

const intro = `What comes over the wire when a client brings an image, counted by a proxy in front of
docker-registry (nginx for ostree and casync): bytes down with all heads, and requests. Each client in turn,
the middle of the runs; one that takes more than 10 s runs once, and is ended at ${patienceSeconds} s.
Written by \`sh tools/run bench/transfer.ts --root TRIXIE_ROOT\`.

Rebuilt R2 is R2 with jq, all packages in three layers: no layer is one of R2's. Stripped, it is also without
lintian's files, which changes the lists of files of packages all over the image. Podman has partial pulls and hard
links switched on. casync takes the tree of the first image as its seed. "and checkout" ends with a root file system,
as podman's and casync's pulls do; ostree's ends with files to link.`;

const linkIntro = `Two network namespaces and between them a program that holds each packet for
${link.delayMs} ms and lets ${link.megabits} Mbit/s through each way (this kernel has no netem); it runs on the same
two processors.`;

/** The section of docs/benchmarks.md, and whether the budgets are met. */
export function showTransfers(results: ReadonlyMap<string, readonly Result[]>, images: Images): string {
  const inventories = inventoriesOf(images);
  const facts = pairs.map((pair) => `- ${describePair(pair, inventories)}`);
  const tables = [...results].map(([name, rows], i) =>
    [`### Over ${name}`, ...(i > 0 ? [linkIntro] : []), table(rows)].join("\n\n"),
  );
  const machine = `${cpus().length} processors (${cpus()[0]?.model.trim()}), Node ${process.versions.node}.`;
  const budgets = showBudgets(results, inventories);
  return [intro, machine, facts.join("\n"), ...tables, "### Budgets", budgets].join("\n\n");
}

type Inventories = ReadonlyMap<string, Inventory>;

function inventoriesOf(images: Images): Inventories {
  const names = new Set(pairs.flatMap(({ image, held }) => [image, ...(held === undefined ? [] : [held])]));
  return new Map([...names].map((name) => [name, readInventory(images.layout(name, "zstd:chunked"))]));
}

function describePair({ work, image, held }: Pair, inventories: Inventories): string {
  const wanted = inventories.get(image) as Inventory;
  const before = held === undefined ? undefined : inventories.get(held);
  const shared = wanted.layers.filter((digest) => before?.layers.includes(digest)).length;
  const { files, plainBytes, frameBytes } = missingFrom(before, wanted);
  const layers = `${wanted.layers.length} layers of ${kilobytes(wanted.blobBytes)}, ${shared} of them held`;
  const absent = `${files} missing, ${kilobytes(plainBytes)} and as frames ${kilobytes(frameBytes)}`;
  const all = missingFrom(undefined, wanted);
  return `${work}: ${layers}; of ${all.files} contents, ${kilobytes(all.plainBytes)}, ${absent}.`;
}

function table(rows: readonly Result[]): string {
  const lines = rows.map((row) => {
    const ended = row.wallSeconds >= patienceSeconds;
    const wall = ended ? `ended at ${patienceSeconds} s` : `${row.wallSeconds.toFixed(2)} s`;
    const time = [wall, `${row.cpuSeconds.toFixed(2)} s`];
    const memory = `${(row.peakBytes / 1e6).toFixed(0)} MB`;
    const cells = [row.pair.work, row.client, kilobytes(row.bytes), row.requests, ...time, memory, row.runs];
    return `| ${cells.join(" | ")} |`;
  });
  const head = "| work | client | down | requests | wall | CPU | memory | runs |";
  return [head, "|---|---|---|---|---|---|---|---|", ...lines].join("\n");
}

function showBudgets(results: ReadonlyMap<string, readonly Result[]>, inventories: Inventories): string {
  const [near = [], far = []] = [...results.values()];
  const of = (rows: readonly Result[], pair: Pair | undefined, client: string): Result | undefined =>
    rows.find((row) => row.pair === pair && row.client === client);
  const [rebuilt, , other] = pairs;
  const missing = missingFrom(inventories.get("r2"), inventories.get("r2-rebuilt") as Inventory).frameBytes;
  const blobs = (inventories.get("r2") as Inventory).blobBytes;
  const ours = pairs.map((pair) => of(near, pair, "ashlar pull"));
  const most = (rows: readonly Result[]): number | undefined =>
    rows.length === 0 ? undefined : Math.max(...rows.map((row) => row.requests));
  const podmans = far.filter(({ pair, client }) => pair === rebuilt && client.startsWith("podman"));
  const lines = [
    budget("rebuilt R2: missing frames + 64 KB", ours[0]?.bytes, missing + 64e3),
    budget("R3 after R2: 0.95 of ostree", ours[2]?.bytes, 0.95 * (of(near, other, "ostree")?.bytes ?? NaN)),
    budget("R2 unseen: 1.02 of its blobs", ours[4]?.bytes, 1.02 * blobs),
    budget("requests of any pull", most(near.filter(({ client }) => client === "ashlar pull")), 40, String),
    ...podmans.map((row) =>
      budget(
        `rebuilt R2 over the link, wall: less than ${row.client}`,
        of(far, rebuilt, "ashlar pull and checkout")?.wallSeconds,
        row.wallSeconds,
        (seconds) => `${seconds.toFixed(2)} s`,
      ),
    ),
  ];
  return ["| budget | at most | Ashlar | met |", "|---|---|---|---|", ...lines].join("\n");
}

function budget(name: string, ours: number | undefined, limit: number, show = kilobytes): string {
  if (ours === undefined || Number.isNaN(limit)) return `| ${name} | - | - | not measured |`;
  return `| ${name} | ${show(limit)} | ${show(ours)} | ${ours <= limit ? "yes" : "**no**"} |`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1e3).toLocaleString("en-US", { maximumFractionDigits: 0 })} KB`;
}
