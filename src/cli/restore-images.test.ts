// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import type { Digest } from "../base/index.ts";
import { digestRef, nameRef } from "../image/index.ts";
import { openStore, type Ref } from "../store/index.ts";
import { freshDirs } from "../store/testing/fresh-dir.ts";
import type { Broken } from "./broken-images.ts";
import { restoreImages } from "./restore-images.ts";
import type { Shell } from "./shell.ts";
import { build } from "./verbs/build.ts";

const freshDir = freshDirs();

interface Rig {
  readonly store: string;
  /** Builds the image with this text in it; the record that its name points to then. */
  make(text: string): Promise<Digest>;
  refs(): readonly Ref[];
  move(target: Digest): void;
  /** Builds it again by what its name says; `meanwhile` comes first. */
  restore(meanwhile: () => void): Promise<void>;
}

function makeRig(): Rig {
  const [store, dir] = [freshDir(), freshDir()];
  mkdirSync(dir);
  const spec = join(dir, "ashlar.yaml");
  const silent = (): void => {};
  const env = { HOME: dir, PATH: "" };
  const shell: Shell = { env, cwd: dir, nowSeconds: 0, out: silent, err: silent, errIsTerminal: false, columns: 80 };
  const use = <T>(step: (store: ReturnType<typeof openStore>) => T): T => {
    const opened = openStore(store);
    try {
      return step(opened);
    } finally {
      opened.close();
    }
  };
  return {
    store,
    async make(text) {
      writeFileSync(spec, `ashlar: image/v1\nname: app\nfrom: scratch\napp: [{ write: { to: /a, text: ${text} } }]\n`);
      await build(shell, spec, { store, compression: "zstd:chunked" });
      return use((opened) => opened.getRef(nameRef("app")) as Digest);
    },
    refs: () => use((opened) => opened.listRefs()),
    move: (target) => use((opened) => opened.setRef(nameRef("app"), target)),
    async restore(meanwhile) {
      const origin = use((opened) => opened.getRefOrigin(nameRef("app")));
      const broken: Broken = { names: ["app"], refs: [nameRef("app")], isImage: true, origin };
      const err = (text: string): void => void (text.includes("run: ashlar build") && meanwhile());
      const options = { store, progress: "plain" };
      const [attempt] = await restoreImages({ ...shell, err }, { broken: [broken], more: [], options });
      assert.equal(attempt?.error, undefined);
    },
  };
}

test("restoreImages leaves a name where another process moved it meanwhile", async () => {
  const { make, refs, restore, move } = makeRig();
  const other = await make("other");
  await make("old");
  let moved = 0;
  await restore(() => {
    move(other);
    moved++;
  });
  assert.equal(moved, 1);
  assert.equal(refs().find(({ name }) => name === nameRef("app"))?.target, other);
});

test("restoreImages gives no name back that another process gave up meanwhile", async () => {
  const { make, refs, restore, store } = makeRig();
  await make("old");
  await restore(() => {
    const opened = openStore(store);
    opened.deleteRef(nameRef("app"));
    opened.close();
  });
  assert.ok(!refs().some(({ name }) => name === nameRef("app")));
  assert.ok(refs().some(({ name }) => name.startsWith(digestRef("app", "sha256:" as Digest))));
});
