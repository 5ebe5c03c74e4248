// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { parsePath } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { Store } from "../store/index.ts";
import { defaultLimits } from "./limits.ts";
import type { Sandbox, SandboxResult, SandboxRun } from "./sandbox.ts";
import { changeLines } from "./testing/change-lines.ts";
import { hasCode, platform } from "./testing/place.ts";

/** A sandbox, and the commands by which it does simple things. */
export interface ContractPlace {
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly root: Tree;
  readonly writes: (path: string, text: string) => readonly string[];
  readonly says: (text: string, exitCode: number) => readonly string[];
}

/** What every sandbox does, the one in memory included. */
export function sandboxContract(name: string, { store, sandbox, root, writes, says }: ContractPlace): void {
  const run = async (argv: readonly string[], more: Partial<SandboxRun> = {}): Promise<SandboxResult> => {
    const pack = store.beginPack();
    const result = await sandbox.run({
      root,
      platform,
      command: { argv },
      limits: defaultLimits,
      pack,
      ...more,
    });
    pack.commit();
    return result;
  };

  test(`${name}: a run gives the tree with its changes, and never changes the one it got`, async () => {
    const before = JSON.stringify(root);
    const { exitCode, tree } = await run(writes("made", "text\n"));
    assert.equal(exitCode, 0);
    assert.deepEqual(changeLines(root, tree, store), ['made file 0644 0:0 "text\\n"']);
    assert.equal(JSON.stringify(root), before);
    assert.ok(tree.some((entry) => entry.path === parsePath("made")));
  });

  test(`${name}: a command that fails is a result with the root itself`, async () => {
    const { exitCode, tree, log } = await run(says("why", 3));
    assert.equal(exitCode, 3);
    assert.equal(tree, root);
    assert.match(Buffer.from(log).toString("utf8"), /^why/);
  });

  test(`${name}: output comes to who listens and ends in the log`, async () => {
    const heard: Uint8Array[] = [];
    const { log } = await run(says("word", 0), { onOutput: (bytes) => heard.push(Uint8Array.from(bytes)) });
    assert.deepEqual(Buffer.concat(heard), Buffer.from(log));
    assert.match(Buffer.from(log).toString("utf8"), /^word/);
  });

  test(`${name}: a run that nobody wants any more is not begun`, async () => {
    await assert.rejects(
      run(writes("made", "x"), { signal: AbortSignal.abort() }),
      hasCode("SANDBOX_INTERRUPTED"),
    );
  });
}
