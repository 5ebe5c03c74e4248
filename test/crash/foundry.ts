// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { digestOf } from "../../src/base/index.ts";
import { startTestRegistry } from "../../src/registry/testing/test-registry.ts";
import { describeDisk } from "../long/disk-tree.ts";
import { runCommand } from "../run-command.ts";
import type { Expected } from "./builder-work.ts";
import { serveSlowly } from "./counting-server.ts";
import { type Fleet, makeFleet } from "./fleet.ts";

/** Where campaigns get their images from, and what each must be. */
export interface Foundry extends AsyncDisposable {
  readonly base: string;
  readonly fleet: Fleet;
  readonly mirror: string;
  readonly registry: string;
  readonly expected: Readonly<Record<string, Expected>>;
}

/** Builds each image once by itself, in a store of its own, and pushes it to a registry. */
export async function openFoundry(base: string, imageCount: number): Promise<Foundry> {
  const fleet = await makeFleet(imageCount);
  const mirror = await serveSlowly(fleet.archive, { pieceBytes: 1 << 20, pauseMs: 1 });
  const registry = await startTestRegistry();
  const [home, store] = [join(base, "alone"), join(base, "alone-store")];
  const project = join(home, "project");
  mkdirSync(project, { recursive: true });
  await fleet.writeProject(project, "alone");
  const must = async (...args: readonly string[]): Promise<string> => {
    const { status, out, err } = await runCommand({ store, home, env: { ASHLAR_MIRROR: mirror.base } }, args);
    assert.equal(status, 0, err);
    return out;
  };
  const built = JSON.parse(await must("build", project, "--frozen", "--json")) as { images: Built[] };
  const expected: Record<string, Expected> = {};
  for (const { name, digest } of built.images) {
    const key = name.slice(name.lastIndexOf("/") + 1);
    const root = join(home, "root");
    await must("checkout", name, root);
    await must("push", name, `${registry.host}/fleet/${key}`);
    expected[key] = { digest, root: digestOf(describeDisk(root).join("\n")) };
    rmSync(root, { recursive: true });
  }
  return {
    ...{ base, fleet, mirror: mirror.base, registry: registry.host, expected },
    async [Symbol.asyncDispose]() {
      await Promise.all([mirror.close(), registry.close()]);
    },
  };
}

interface Built {
  readonly name: string;
  readonly digest: string;
}
