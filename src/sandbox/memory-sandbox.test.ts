// SPDX-License-Identifier: Apache-2.0
import { test } from "node:test";

import { parsePath } from "../base/index.ts";
import { makeTree } from "../formats/index.ts";
import { memoryStore } from "../store/index.ts";
import { memorySandbox } from "./memory-sandbox.ts";
import { openSandbox } from "./open-sandbox.ts";
import { sandboxContract } from "./sandbox.contract.ts";
import { hostRoot } from "./testing/host-root.ts";
import { freshStore, missing } from "./testing/place.ts";

const store = memoryStore();
const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

sandboxContract("memorySandbox", {
  store,
  root: [],
  writes: (path, text) => ["write", path, text],
  says: (text, exitCode) => ["say", text, `${exitCode}`],
  sandbox: memorySandbox(({ root, command, pack, onOutput }) => {
    const [verb, what = "", more = ""] = command.argv;
    if (verb === "say") {
      onOutput(Buffer.from(what));
      return { exitCode: Number(more) };
    }
    const { digest: content, sizeBytes } = pack.put(Buffer.from(more));
    return {
      tree: makeTree([...root, { ...meta, type: "file", path: parsePath(what), content, sizeBytes }]),
    };
  }),
});

const why = missing("bwrap");
if (why !== false) test("bwrap keeps the contract", { skip: why }, () => undefined);
else {
  const disk = await freshStore();
  sandboxContract("bwrap", {
    store: disk,
    root: hostRoot(disk),
    writes: (path, text) => ["sh", "-c", 'printf %s "$2" >"$1"', "sh", path, text],
    says: (text, exitCode) => ["sh", "-c", `echo ${text}; exit ${exitCode}`],
    sandbox: openSandbox({ store: disk, backend: "bwrap" }),
  });
}
