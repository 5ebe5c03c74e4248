// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { tallyFlips } from "./reliability/flips.ts";
import { tallyKills } from "./reliability/kills.ts";
import { type Peer, peers } from "./reliability/peers.ts";
import { run } from "../test/programs.ts";

/**
 * `sh tools/run bench/reliability.ts [--flips 100] [--kills 50] [--seed 1] [--only NAME]`: two directories of the host
 * in Ashlar's store and in its peers'. One random bit is flipped at a time, and each store's own check is asked;
 * then adding the second directory is killed at a random time, tried again, and the check asked. Prints the tables of
 * docs/reliability.md. Peers that are not here are left out and named.
 */
const trees: readonly [string, string] = ["/usr/share/perl", "/usr/lib/python3/dist-packages"];
const seed = Number(option("--seed") ?? 1);

async function main(): Promise<void> {
  const area = mkdtempSync(join(tmpdir(), "ashlar-reliability-"));
  const only = new RegExp(option("--only") ?? "");
  try {
    for (const peer of peers.filter(({ name }) => only.test(name))) {
      const isHere = run("sh", ["-c", `command -v ${peer.program}`]).status === 0;
      console.log(isHere ? await row(peer, join(area, peer.name)) : `| ${peer.name} | not here |`);
    }
  } finally {
    rmSync(area, { recursive: true, force: true });
  }
}

async function row(peer: Peer, dir: string): Promise<string> {
  mkdirSync(dir);
  const kept = peer.keep(dir, trees);
  const flips = tallyFlips(kept, dir, { count: Number(option("--flips") ?? 100), seed });
  const kills = await tallyKills(kept, dir, { count: Number(option("--kills") ?? 50), seed });
  return `| ${peer.name} | \`${peer.check}\` | ${flips} | ${kills} |`;
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

await main();
