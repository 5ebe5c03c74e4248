// SPDX-License-Identifier: Apache-2.0
import { middle, type Run, runBeside } from "../measure.ts";
import type { Client } from "./client.ts";
import type { Network } from "./network.ts";
import type { Traffic } from "./servers.ts";

/** An image to bring, and the one that is there. */
export interface Pair {
  readonly work: string;
  readonly image: string;
  readonly held: string | undefined;
}

export const pairs: readonly Pair[] = [
  { work: "rebuilt R2 after R2", image: "r2-rebuilt", held: "r2" },
  { work: "rebuilt R2, stripped, after R2", image: "r2-stripped", held: "r2" },
  { work: "R3 after R2", image: "r3", held: "r2" },
  { work: "R2 of trixie after R2", image: "r2-trixie", held: "r2" },
  { work: "R2 into an empty store", image: "r2", held: undefined },
];

/** The middle of the runs of one client with one pair. */
export interface Result extends Traffic, Run {
  readonly pair: Pair;
  readonly client: string;
  readonly runs: number;
}

/** One that takes longer is not run again, or ended. */
const slowSeconds = 10;
export const patienceSeconds = 120;

/** Brings each pair with each client in turn, several times. Only what brings the second image is counted. */
export async function measurePairs(
  wanted: readonly Pair[],
  clients: readonly Client[],
  { network, runs }: { readonly network: Network; readonly runs: number },
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const pair of wanted) {
    const seen = clients.map((): (Run & Traffic)[] => []);
    for (let i = 0; i < runs; i++) {
      for (const [k, client] of clients.entries()) {
        const before = seen[k] as (Run & Traffic)[];
        if (before.some((run) => run.wallSeconds > slowSeconds)) continue;
        before.push(await measureOnce(pair, client, network));
      }
    }
    for (const [k, client] of clients.entries()) {
      const of = seen[k] as (Run & Traffic)[];
      const traffic = of.at(-1) as Traffic;
      results.push({ ...middle(of), bytes: traffic.bytes, requests: traffic.requests, pair, client: client.name });
    }
  }
  return results;
}

async function measureOnce({ image, held }: Pair, client: Client, network: Network): Promise<Run & Traffic> {
  client.forget();
  // The first image comes from the servers' side of the link: it is not measured.
  if (held !== undefined)
    await runBeside({ name: `${client.name} ${held}`, argv: [...network.server, ...client.bring(held, undefined)] });
  await client.server.taken();
  const argv = [...network.client, ...client.bring(image, held)];
  const run = await runBeside({ name: `${client.name} ${image}`, argv, patienceSeconds });
  const traffic = await client.server.taken();
  const shown = `${traffic.bytes} bytes, ${traffic.requests} requests, ${run.wallSeconds} s`;
  console.error(`${client.name}: ${image} after ${held ?? "nothing"}: ${shown}, ${run.cpuSeconds.toFixed(2)} s CPU`);
  return { ...run, ...traffic };
}
