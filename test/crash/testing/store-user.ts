// SPDX-License-Identifier: Apache-2.0
/**
 * Does things with a store as whoever runs it: `store-user.ts UMASK DIR STEP...`, each step a word and its operand with
 * `=` between. Prints a line of JSON: what each step gave, and the code and hint of the error that ended it.
 */
import { readFileSync } from "node:fs";

import { type Digest, isAshlarError, parsePath } from "../../../src/base/index.ts";
import { loadCompressor, type Tree } from "../../../src/formats/index.ts";
import { joinStore, openStore, shareStore, type Store } from "../../../src/store/index.ts";

const [umask = "022", dir = "", ...steps] = process.argv.slice(2);
process.umask(Number.parseInt(umask, 8));
const given: unknown[] = [];
try {
  const store = await begin();
  if (store !== undefined) {
    for (const step of steps) given.push(run(store, step));
    store.close();
  }
  process.stdout.write(JSON.stringify({ given }));
} catch (error) {
  if (!isAshlarError(error)) throw error;
  process.stdout.write(JSON.stringify({ given, code: error.code, message: error.message, hint: error.hint ?? "" }));
}

async function begin(): Promise<Store | undefined> {
  const [first = "", operand = ""] = cut(steps[0] ?? "");
  if (first === "share") return void shareStore(dir, Number(operand));
  if (first === "join") {
    joinStore(dir, operand);
    steps.shift();
  }
  return openStore(dir, { compressor: await loadCompressor() });
}

function cut(step: string): string[] {
  const at = step.indexOf("=");
  return at < 0 ? [step] : [step.slice(0, at), step.slice(at + 1)];
}

function run(store: Store, step: string): unknown {
  const [word = "", operand = ""] = cut(step);
  switch (word) {
    case "put":
      return store.put(Buffer.from(operand)).digest;
    case "keep":
      return store.setRef(operand, store.putRecord(operand, { trees: [treeOf(store, operand)] })) ?? "kept";
    case "read":
      return Buffer.from(store.read(operand as Digest)).toString();
    case "frames":
      return store.readFrames(operand as Digest).length;
    case "ref":
      return store.getRef(operand);
    case "action":
      store.putAction({ operation: "test", version: 1, inputs: [], parameters: operand }, { value: 1, reaches: {} });
      return "put";
    case "remembered":
      return store.getAction({ operation: "test", version: 1, inputs: [], parameters: operand })?.value;
    case "checkout":
      return store.checkout(treeOf(store, "shared text"), operand, { mode: "link" }).mode;
    case "look":
      return readFileSync(`${store.keepCheckout(treeOf(store, operand))}/file`, "utf8");
    case "fetch": {
      const turn = store.beginFetch(operand as Digest);
      if (turn.kind === "ours") turn.release();
      return turn.kind;
    }
    case "gc":
      return store.gc({}).removedContents;
    case "fsck":
      return store.fsck({ full: true }).faults;
    default:
      throw new Error(`internal error: no step ${word}`);
  }
}

function treeOf(store: Store, text: string): Digest {
  const { digest: content, sizeBytes } = store.put(Buffer.from(text));
  const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
  const tree: Tree = [{ ...meta, type: "file", path: parsePath("file"), content, sizeBytes }];
  return store.putTree(tree);
}
