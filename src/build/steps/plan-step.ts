// SPDX-License-Identifier: Apache-2.0
import { type ProjectFiles, selectFiles } from "../../assemble/index.ts";
import { type Digest, digestOf, type Json, parsePath } from "../../base/index.ts";
import { encodeTree, makeTree, type Tree } from "../../formats/index.ts";
import type { SourceFileDocument, StepDocument } from "../../spec/index.ts";
import type { Action } from "../../store/index.ts";
import { joinTrees } from "./join-trees.ts";
import { sourceFile, sourceLink } from "./source-entries.ts";

/** Raised whenever the same step would give another result. */
const version = 1;

/** A source of a step, with what its patches hold now. */
export interface PlannedSource extends Pick<SourceFileDocument, "sha256" | "unpack"> {
  /** The last part of its address, for messages. */
  readonly name: string;
  /** Below $SRC: the directory that it is unpacked to, "" for $SRC itself; or the path of the file. */
  readonly to: string;
  readonly patches: readonly { readonly path: string; readonly digest: Digest }[];
}

/** A step with all that it takes from the project, by digest; nothing of it is in the store yet. */
export interface StepPlan {
  readonly step: StepDocument;
  readonly platform: string;
  /** The project's files below $SRC. */
  readonly inputs: Tree;
  readonly sources: readonly PlannedSource[];
}

/** Selects and hashes what a step takes from the project. Errors: those of `selectFiles`. */
export function planStep(step: StepDocument, platform: string, project: ProjectFiles): StepPlan {
  const sources = step.sources.map(({ url, sha256, unpack, to, patches }) => ({
    sha256,
    unpack,
    to: placeOf({ unpack, to }),
    name: sourceName(url),
    patches: patches.map((path) => ({ path, digest: project.content(path).digest })),
  }));
  return { step, platform, inputs: projectTree(step, project), sources };
}

/** The project's files that a step or run asks for, at their paths; their contents go where `project` puts them. */
export function projectTree(
  { inputs, exclude = [] }: { readonly inputs: readonly string[]; readonly exclude?: readonly string[] },
  project: ProjectFiles,
): Tree {
  if (inputs.length === 0) return [];
  const entries = selectFiles(inputs, exclude, project).files.map(({ file }) => {
    const path = parsePath(file.path);
    if (file.symlinkTarget !== undefined) return sourceLink(path, file.symlinkTarget);
    const { digest: content, sizeBytes } = project.content(file.path);
    return sourceFile(path, file.executable, { content, sizeBytes });
  });
  return joinTrees([{ at: "", tree: makeTree(entries) }]);
}

/** Where a source comes to lie: "" for $SRC itself. */
function placeOf({ unpack, to }: Pick<SourceFileDocument, "unpack" | "to">): string {
  return unpack && /^[./]*$/.test(to) ? "" : parsePath(to.replace(/^(\.\/+)+/, ""));
}

/** The last part of an address or path, without a query. */
export function sourceName(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : url;
  const last = path.slice(path.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last).replaceAll("/", "_");
  } catch {
    return last;
  }
}

/** The step as an action, once the root that its tools make is known. */
export function stepAction(plan: StepPlan, tools: Digest): Action {
  return {
    operation: "step.run",
    version,
    inputs: [tools, ...inputDigests(plan)],
    parameters: parametersOf(plan),
  };
}

/**
 * The step as an action before its tools are installed: by the packages instead of the root they make, and
 * by the actions that would install them. An unchanged step is found by this one look-up.
 */
export function recallAction(plan: StepPlan, packages: readonly Digest[], installing: Json): Action {
  const parameters = { step: parametersOf(plan), installing };
  return { operation: "step.recall", version, inputs: [...packages, ...inputDigests(plan)], parameters };
}

function inputDigests({ inputs, sources }: StepPlan): readonly Digest[] {
  const files = sources.flatMap(({ sha256, patches }) => [sha256, ...patches.map(({ digest }) => digest)]);
  return [digestOf(encodeTree(inputs)), ...files];
}

/** Where a source came from has no part in it, nor what a secret's value is or how many jobs there are. */
function parametersOf({ step, platform, sources }: StepPlan): Json {
  const { argv, env, outputs, secrets, timeoutSeconds, memoryBytes } = step;
  const files = sources.map(({ sha256, unpack, to, patches }) => ({
    sha256,
    unpack,
    to,
    patches: patches.map(({ digest }) => digest),
  }));
  return { argv, env, outputs, secrets, timeoutSeconds, memoryBytes, platform, sources: files };
}
