// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTree, type Tree } from "../formats/index.ts";
import { defaultLimits } from "./limits.ts";
import { openSandbox } from "./open-sandbox.ts";
import type { SandboxCircumstances } from "./sandbox.ts";
import { hostProgram, hostRoot } from "./testing/host-root.ts";
import { freshStore, missing, platform } from "./testing/place.ts";

const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
/** In the root for the libraries that it needs. */
const fakeTime = `/usr/lib/${triplet}/faketime/libfaketime.so.1`;
const names = Array.from({ length: 40 }, (_, i) => `f${i}`).join(" ");
const script = `/usr/bin/date +%s; mkdir /d; cd /d; touch ${names}; find . -type f | tr '\\n' ' '; echo; /usr/bin/nproc
  echo x >/d/new; cp /bin/busybox /d/f1; chmod 600 /d/f2
  ln /d/f2 /d/linked; chown 33:8 /d/f3; mv /d/f4 /d/f5; rm /d/f6`;

for (const backend of ["crun", "runc", "bwrap"] as const) {
  const why = missing(backend, "disorderfs", "faketime", "date", "nproc");
  test(
    `${backend}: clock, order of directories and processors vary, and the captured tree does not`,
    { skip: why },
    async () => {
      const store = await freshStore();
      const sandbox = openSandbox({ store, backend });
      const programs = ["/usr/bin/date", "/usr/bin/nproc", fakeTime].flatMap((path) =>
        hostProgram(store, path),
      );
      const root = makeTree(new Map(hostRoot(store, programs).map((entry) => [entry.path, entry])).values());
      const run = async (circumstances?: SandboxCircumstances): Promise<{ lines: string[]; tree: Tree }> => {
        const pack = store.beginPack();
        const command = { argv: ["sh", "-c", script] };
        const more = circumstances === undefined ? {} : { circumstances };
        const { exitCode, log, tree } = await sandbox.run({
          root,
          platform,
          command,
          limits: defaultLimits,
          pack,
          ...more,
        });
        pack.commit();
        assert.equal(exitCode, 0, Buffer.from(log).toString());
        return { lines: Buffer.from(log).toString("utf8").split("\n"), tree };
      };
      const plain = await run();
      const varied = await run({ clockSeconds: 400 * 86_400, directoryOrder: "reversed", cpus: 1 });
      const ahead = Number(varied.lines[0]) - Number(plain.lines[0]);
      assert.ok(Math.abs(ahead - 400 * 86_400) < 60, `${ahead} s ahead`);
      const [one = [], other = []] = [plain, varied].map(({ lines }) => lines[1]?.trim().split(" "));
      assert.notDeepEqual(one, other);
      assert.deepEqual(one.sort(), other.sort());
      assert.equal(varied.lines[2], "1");
      assert.deepEqual(varied.tree, plain.tree);
    },
  );
}
