// SPDX-License-Identifier: Apache-2.0
/**
 * Flips one bit of a pack at a time, repairs the store, has the images built again from their lock, and proves that
 * names, digests and every byte are as before (P5): `restore.ts [--count N] [--seed N]`.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openStore } from "../../src/store/index.ts";
import { flipInPack, seeded } from "../crash/damage-packs.ts";
import { makeFixture } from "../fixture.ts";
import { build, makePlace } from "../run-build.ts";
import { runCommand } from "../run-command.ts";

const { values } = parseArgs({ options: { count: { type: "string" }, seed: { type: "string" } } });
const count = Number(values.count ?? 100);
const first = Number(values.seed ?? 1);
const place = makePlace(await makeFixture());

interface Checked {
  readonly faults: readonly unknown[];
  readonly all: string;
}

async function fsck(...args: readonly string[]): Promise<Checked> {
  const { out } = await runCommand({ store: place.store, home: place.base }, ["store", "fsck", "--json", ...args]);
  return { ...(JSON.parse(out) as { faults: readonly unknown[] }), all: out };
}

function refs(): unknown {
  const store = openStore(place.store);
  try {
    return store.listRefs();
  } finally {
    store.close();
  }
}

try {
  const images = await build(place);
  const before = refs();
  for (let seed = first; seed < first + count; seed++) {
    const where = `seed ${seed}: ${flipInPack(place.store, seeded(seed))}`;
    assert.ok((await fsck("--full")).faults.length > 0, `${where}: not found`);
    const { faults, all } = await fsck("--full", "--restore");
    assert.deepEqual(faults, [], `${where}: ${all}`);
    assert.deepEqual((await fsck("--full")).faults, [], where);
    assert.deepEqual(refs(), before, where);
    rmSync(join(place.store, "quarantine"), { recursive: true, force: true });
  }
  for (const { name } of images) {
    const { status } = await runCommand({ store: place.store, home: place.base }, ["store", "verify", name]);
    assert.equal(status, 0, name);
  }
  process.stdout.write(`${count} flipped bits from seed ${first} on: all found, all restored\n`);
} finally {
  rmSync(place.base, { recursive: true, force: true });
}
