// SPDX-License-Identifier: Apache-2.0
import { type Digest, emptyDigest } from "../base/index.ts";
import type { Entry, FileEntry, TarEntry, TarVisitor } from "../formats/index.ts";
import { type ComposedPlan, type LayerPlan, LayerTarParser, parseRecipe, type TarPlan } from "../layer/index.ts";
import type { FileTaker, LayerStack } from "../query/index.ts";
import type { Store } from "../store/index.ts";

/** Lays a layer of the store on others; the contents of its files are not read. */
export async function stackLayer(stack: LayerStack, plan: LayerPlan, store: Store): Promise<void> {
  const what = `layer "${plan.name}"`;
  if (plan.kind === undefined) {
    return stack.add(what, (visitor) => visitTrees(plan, store, visitor), knownContents(filesOf(plan, store)));
  }
  return stack.add(what, (visitor) => visitRecipe(plan, store, visitor), knownContents(contentsOf(plan, store)));
}

/** Names each file's content without looking at bytes: what is proven need not be hashed again. */
function knownContents(contents: Iterator<Digest>): (sizeBytes: number) => FileTaker {
  return (sizeBytes) => ({
    write: () => {},
    end: () => {
      if (sizeBytes === 0) return emptyDigest;
      const next = contents.next();
      if (next.done === true) throw new Error("internal error: a layer has more files than contents");
      return next.value;
    },
  });
}

function entriesOf(plan: ComposedPlan, store: Store): readonly Entry[] {
  return [plan.directories, ...plan.blocks].flatMap((tree) => store.readTree(tree));
}

function* filesOf(plan: ComposedPlan, store: Store): Generator<Digest, void, void> {
  for (const entry of entriesOf(plan, store)) if (entry.type === "file" && entry.sizeBytes > 0) yield entry.content;
}

function visitTrees(plan: ComposedPlan, store: Store, visitor: TarVisitor): void {
  for (const entry of entriesOf(plan, store)) {
    visitor.entry(tarEntry(entry));
    visitor.endEntry();
  }
}

function tarEntry(entry: Entry): TarEntry {
  const { path: name, type, mode, uid, gid, mtimeSeconds, xattrs } = entry;
  const device = type === "char" || type === "block";
  return {
    ...{ name, type, mode, uid, gid, mtimeSeconds },
    sizeBytes: type === "file" ? entry.sizeBytes : 0,
    linkName: type === "symlink" || type === "hardlink" ? entry.target : "",
    major: device ? entry.major : 0,
    minor: device ? entry.minor : 0,
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}

function* contentsOf(plan: TarPlan, store: Store): Generator<Digest, void, void> {
  for (const { content } of parseRecipe(store.stream(plan.recipe))) if (content !== undefined) yield content;
}

/** Any bytes will do for payloads: the parser only counts them. */
const filler = new Uint8Array(1 << 16);

function visitRecipe(plan: TarPlan, store: Store, visitor: TarVisitor): void {
  const parser = new LayerTarParser(visitor);
  const files = store.readTree(plan.files).filter((entry): entry is FileEntry => entry.type === "file");
  const sizes = new Map(files.map(({ content, sizeBytes }) => [content, sizeBytes]));
  for (const { raw, content } of parseRecipe(store.stream(plan.recipe))) {
    if (raw !== undefined) {
      parser.push(raw);
      continue;
    }
    let left = sizes.get(content) ?? 0;
    for (; left > 0; left -= filler.length) parser.push(left < filler.length ? filler.subarray(0, left) : filler);
  }
  parser.finish();
}
