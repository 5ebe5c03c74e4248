// SPDX-License-Identifier: Apache-2.0
import type { PackageRecord } from "../assemble/index.ts";
import { type Digest, emptyDigest, limits, parsePath } from "../base/index.ts";
import { type Entry, makeTree, type Tree } from "../formats/index.ts";
import type { Store } from "../store/index.ts";

/** What a package has beside its files, by digests of contents. */
export interface Beside extends Pick<PackageRecord, "control" | "list"> {
  /** The times of its entries (`splitTimes`). */
  readonly times: Digest;
}

const meta = { mode: 0o444, uid: 0, gid: 0, mtimeSeconds: 0 };
const controlPrefix = ".ashlar/control/";
const names = { list: ".ashlar/list", times: ".ashlar/times" } as const;

/** The last block of a package's layer: a file for each thing beside. The times may not be in the store yet. */
export function encodeBeside(store: Store, { control, list, times }: Beside, timesBytes: number): Tree {
  const file = (name: string, content: Digest, sizeBytes = store.info(content)?.sizeBytes ?? 0): Entry => {
    return { ...meta, type: "file", path: parsePath(name), content, sizeBytes };
  };
  const files = Object.entries(control).map(([name, content]) => file(`${controlPrefix}${name}`, content));
  return makeTree([file(names.list, list), file(names.times, times, timesBytes), ...files]);
}

/** Reads such a block. Undefined where something is missing, of another kind or too large, or lies elsewhere. */
export function parseBeside(tree: Tree): Beside | undefined {
  const control: Record<string, Digest> = {};
  let [list, times]: (Digest | undefined)[] = [];
  for (const entry of tree) {
    if (entry.type !== "file" || entry.sizeBytes > limits.textBytesMax) return undefined;
    const content = entry.sizeBytes === 0 ? emptyDigest : entry.content;
    if (entry.path === names.list) list = content;
    else if (entry.path === names.times) times = content;
    else if (entry.path.startsWith(controlPrefix)) control[entry.path.slice(controlPrefix.length)] = content;
    else return undefined;
  }
  return list === undefined || times === undefined ? undefined : { control, list, times };
}
