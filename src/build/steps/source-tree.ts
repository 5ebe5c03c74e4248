// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, parsePath } from "../../base/index.ts";
import { type Entry, makeTree, type Tree } from "../../formats/index.ts";
import { defaultLimits } from "../../sandbox/index.ts";
import type { Action, Store } from "../../store/index.ts";
import { joinTrees, treeBelow } from "./join-trees.ts";
import type { PlannedSource } from "./plan-step.ts";
import { putFile } from "./put-file.ts";
import { runLogged, type RunPlace } from "./run-logged.ts";
import { sourceDirectory, sourceFile, sourceLink } from "./source-entries.ts";
import { unpackSource } from "./unpack-source.ts";

/** What preparing sources takes. */
export interface SourceContext {
  readonly store: Store;
  readonly place: RunPlace;
  /** The step's name, and the file name of its logs. */
  readonly name: string;
  readonly logName: string;
  readonly platform: string;
  /** Tree: the root with the program patch in it. */
  readonly tools: Digest;
  /** A file of the project. */
  readonly readProject: (path: string) => Uint8Array;
}

/**
 * The sources of a step where they belong below $SRC, each patched; the files lie at
 * `store.downloadPath(sha256)`. Every unpacking and every patch is a remembered step of its own. Throws
 * `BUILD_SOURCE_*`, `BUILD_PATCH_FAILED`.
 */
export async function sourceTree(context: SourceContext, sources: readonly PlannedSource[]): Promise<Tree> {
  const placed: Tree[] = [];
  for (const source of sources) placed.push(await patchedSource(context, source));
  return joinTrees(placed.map((tree, i) => ({ at: placeOf(sources[i] as PlannedSource), tree })));
}

/** A file that is not unpacked is a tree of one file, at its name. */
function placeOf({ unpack, to }: PlannedSource): string {
  return unpack ? to : to.slice(0, Math.max(to.lastIndexOf("/"), 0));
}

async function patchedSource(context: SourceContext, source: PlannedSource): Promise<Tree> {
  const { store } = context;
  const { sha256: digest, name } = source;
  const path = store.downloadPath(digest);
  let tree = source.unpack
    ? await unpackSource(store, { name, digest, path })
    : putSource(store, source, path);
  for (const patch of source.patches) tree = await applyPatch(context, { tree, source, patch });
  return store.readTree(tree);
}

function putSource(store: Store, { to }: PlannedSource, path: string): Digest {
  const pack = store.beginPack();
  try {
    const { digest: content, sizeBytes } = putFile(pack, path);
    const file = sourceFile(parsePath(to.slice(to.lastIndexOf("/") + 1)), false, { content, sizeBytes });
    const tree = store.putTree([file], pack);
    pack.commit();
    return tree;
  } catch (error) {
    pack.abort();
    throw error;
  }
}

interface Patching {
  /** Tree: the source so far. */
  readonly tree: Digest;
  readonly source: PlannedSource;
  readonly patch: PlannedSource["patches"][number];
}

const patchVersion = 1;

async function applyPatch(context: SourceContext, patching: Patching): Promise<Digest> {
  const { store, tools } = context;
  const inputs = [tools, patching.tree, patching.patch.digest];
  const action: Action = { operation: "source.patch", version: patchVersion, inputs };
  const known = store.getAction(action);
  if (known !== undefined) return known.value as Digest;
  const pack = store.beginPack();
  try {
    const after = await runPatch(context, patching, pack);
    const tree = store.putTree(after, pack);
    pack.commit();
    store.putAction(action, { value: tree, reaches: { trees: [tree] } });
    return tree;
  } catch (error) {
    pack.abort();
    throw error;
  }
}

async function runPatch(
  { store, place, name, logName, platform, tools, readProject }: SourceContext,
  { tree, source, patch }: Patching,
  pack: ReturnType<Store["beginPack"]>,
): Promise<Tree> {
  const root = joinTrees([
    { at: "", tree: store.readTree(tools) },
    { at: "src", tree: store.readTree(tree) },
  ]);
  const words = {
    from: `${name}: ${patch.path}`,
    logName: `${logName}-patch`,
    code: "BUILD_PATCH_FAILED",
    cannot: `Cannot apply patch "${patch.path}" to source "${source.name}"`,
    hint: "make the patch anew against this source, so that `patch -p1` takes it in the source's top directory",
  };
  // Whole or not at all: no questions, no backups, and one that is there already is not taken out again.
  const argv = ["patch", "-p1", "--batch", "--forward", "--no-backup-if-mismatch"];
  const command = { argv, cwd: "/src", input: readProject(patch.path) };
  const run = { root, near: tools, platform, command, limits: defaultLimits, pack, capture: ["/src"] };
  const { result, log } = await runLogged(place, run, { words });
  log.end(false);
  return plainSource(treeBelow(result.tree, "src"));
}

/** What patch left, with the modes and times that sources have. */
function plainSource(tree: Tree): Tree {
  const entries = tree.map((entry): Entry => {
    switch (entry.type) {
      case "file":
        return sourceFile(entry.path, (entry.mode & 0o100) !== 0, entry);
      case "symlink":
        return sourceLink(entry.path, entry.target);
      case "dir":
        return sourceDirectory(entry.path);
      default:
        throw new AshlarError(
          "BUILD_SOURCE_INVALID",
          `Cannot use "${entry.path}" of a source: it is a ${entry.type}`,
        );
    }
  });
  return makeTree(entries);
}
