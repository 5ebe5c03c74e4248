// SPDX-License-Identifier: Apache-2.0
import {
  applyRules,
  type InstallationSecret,
  openContents,
  type OwnedTree,
  putOwnedTree,
  readOwnedTree,
  settleHardlinks,
} from "../assemble/index.ts";
import { AshlarError, type Digest, digestOf, type ImagePath, type Json } from "../base/index.ts";
import { encodeTree, type Entry, makeTree, type Tree } from "../formats/index.ts";
import { defaultLimits } from "../sandbox/index.ts";
import type { RunDocument } from "../spec/index.ts";
import { type Action, inPack, type PackWriter, type Store } from "../store/index.ts";
import type { KeptRoot } from "./stage.ts";
import { joinTrees } from "./steps/join-trees.ts";
import { projectTree } from "./steps/plan-step.ts";
import type { OpenProject } from "./steps/read-project-file.ts";
import { runLogged, type RunPlace, type RunWords } from "./steps/run-logged.ts";

/** Where a command finds its inputs; nothing below `inputsTop` is kept. /run is the sandbox's own and empty. */
const inputsDir = ".ashlar/inputs";
const inputsTop = ".ashlar";

/** Who owns what commands of `system.run` made. */
const runOwner = "@run";

export interface SystemRunsRequest extends RunPlace {
  readonly store: Store;
  readonly root: OwnedTree;
  /** Tree: what the root differs little from and is checked out already, where there is one. */
  readonly near?: Digest | undefined;
  readonly runs: readonly RunDocument[];
  readonly project: OpenProject;
  readonly platform: string;
  /** Key of the image. */
  readonly image: string;
  /** Runs commands although their result is remembered. */
  readonly again?: boolean | undefined;
}

/** The root after all commands. */
export interface SystemRuns {
  readonly owned: OwnedTree;
  /** Keys and passwords that commands made; they are kept. */
  readonly secrets: readonly InstallationSecret[];
  /** Roots after each command, for whoever keeps them from gc. */
  readonly roots: readonly KeptRoot[];
}

/** A root by digests, and what a command made that is secret: the value of the action "system.run". */
interface RunResult extends KeptRoot {
  readonly secrets: readonly InstallationSecret[];
}

/**
 * Runs the commands of `system.run` one after the other, each on the root that those before it left; each is
 * a remembered step of that root, the command and its inputs. What two runs leave differently is cleaned by
 * rules. Throws `BUILD_RUN_FAILED`, and what selecting files, the sandbox and the rules throw.
 */
export async function makeSystemRuns(request: SystemRunsRequest): Promise<SystemRuns> {
  const { store, runs } = request;
  if (runs.length === 0) return { owned: request.root, secrets: [], roots: [] };
  const first = inPack(store, (pack) => putOwnedTree(store, pack, request.root));
  let root: KeptRoot = { ...first, near: request.near ?? first.flat };
  const results: RunResult[] = [];
  for (const [i, run] of runs.entries()) {
    const result = await makeRun(request, { run, number: i + 1, root });
    results.push(result);
    root = result;
  }
  const roots = results.map(({ flat, owners, near }) => ({ flat, owners, near }));
  return { owned: readOwnedTree(store, root), secrets: results.flatMap(({ secrets }) => secrets), roots };
}

interface Running {
  readonly run: RunDocument;
  readonly number: number;
  readonly root: KeptRoot;
}

async function makeRun(request: SystemRunsRequest, running: Running): Promise<RunResult> {
  const { store, again, project } = request;
  const planned = projectTree(running.run, project());
  const action = actionOf(request, running, planned);
  const known = again === true ? undefined : store.getAction(action)?.value;
  if (known !== undefined) return known as unknown as RunResult;
  const before = readOwnedTree(store, running.root);
  const after = await execute(request, running, { before, planned });
  const result = inPack(store, (pack) => clean(store, pack, { before, after, near: running.root.near }));
  const reaches = { trees: [result.flat, result.near], contents: [result.owners] };
  store.putAction(action, { value: result as unknown as Json, reaches });
  return result;
}

function actionOf({ platform }: SystemRunsRequest, { run, root }: Running, inputs: Tree): Action {
  const { argv, env } = run;
  const digests = [root.flat, root.owners, digestOf(encodeTree(inputs))];
  return { operation: "system.run", version: 2, inputs: digests, parameters: { argv, env, platform } };
}

/** The root's tree after the command, without its inputs. */
async function execute(
  request: SystemRunsRequest,
  running: Running,
  { before, planned }: { readonly before: OwnedTree; readonly planned: Tree },
): Promise<Tree> {
  const { store, platform } = request;
  const inputs = bringInputs(request, running, planned);
  const root = joinTrees([
    { at: "", tree: before.tree },
    { at: inputsDir, tree: inputs },
  ]);
  const { argv, env } = running.run;
  const command = { argv, env: { ...env, INPUTS: `/${inputsDir}` } };
  const pack = store.beginPack();
  try {
    const run = { root, near: running.root.near, platform, command, limits: defaultLimits, pack };
    const { result, log } = await runLogged(request, run, { words: wordsOf(request, running) });
    log.end(false);
    pack.commit();
    return withoutInputs(result.tree);
  } catch (error) {
    pack.abort();
    throw error;
  }
}

/** Brings the inputs into the store; a file that changed since the key was made would be remembered wrongly. */
function bringInputs({ store, project }: SystemRunsRequest, { run, number }: Running, planned: Tree): Tree {
  const inputs = inPack(store, (pack) => projectTree(run, project(pack)));
  if (digestOf(encodeTree(inputs)) === digestOf(encodeTree(planned))) return inputs;
  const state = "its inputs changed while they were read, want them at rest";
  throw new AshlarError("BUILD_STEP_INPUTS", `Cannot run command ${number} of system.run: ${state}`, {
    hint: "build again",
  });
}

function wordsOf({ image, platform, runs }: SystemRunsRequest, { run, number }: Running): RunWords {
  const text = (run.argv.at(-1) ?? "").trim().split("\n")[0] as string;
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
  return {
    from: `run ${number}`,
    logName: `run-${image}-${number}-${platform}`.replace(/[^\w.-]+/g, "-"),
    code: "BUILD_RUN_FAILED",
    cannot: `Cannot run command ${number} of ${runs.length} of system.run, ${shown}`,
  };
}

/** A command may have given an input another name in the root; that one is a file of the root. */
function withoutInputs(tree: Tree): Tree {
  const isInput = (path: string): boolean => path === inputsTop || path.startsWith(`${inputsTop}/`);
  const files = new Map<string, Entry>(tree.map((entry) => [entry.path, entry]));
  const kept = tree.filter(({ path }) => !isInput(path));
  const settled = settleHardlinks(kept, (target) => {
    const file = files.get(target);
    return file?.type === "file" ? file : undefined;
  });
  return makeTree(settled);
}

interface Left {
  readonly before: OwnedTree;
  readonly after: Tree;
  readonly near: Digest;
}

function clean(store: Store, pack: PackWriter, { before, after, near }: Left): RunResult {
  const owners = new Map([...before.owners].filter(([, owner]) => !owner.startsWith("@")));
  const contents = openContents(store, pack);
  const { tree, secrets } = applyRules({ before: before.tree, after, by: "steps", contents, owners });
  const owned = new Map<ImagePath, string>(
    tree.map(({ path }) => [path, before.owners.get(path) ?? runOwner]),
  );
  return { ...putOwnedTree(store, pack, { tree, owners: owned }), near, secrets };
}
