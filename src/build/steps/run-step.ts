// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestOf } from "../../base/index.ts";
import { encodeTree, type Tree } from "../../formats/index.ts";
import { defaultLimits, type SandboxCommand, type SandboxLimits } from "../../sandbox/index.ts";
import type { StepDocument } from "../../spec/index.ts";
import { formsOf, searchedPack, type SecretValues } from "./find-secrets.ts";
import { joinTrees, treeBelow } from "./join-trees.ts";
import type { PlannedStep, StepContext } from "./make-step.ts";
import { pickOutputs } from "./pick-outputs.ts";
import { projectTree } from "./plan-step.ts";
import { readProjectFile } from "./read-project-file.ts";
import { runLogged, type RunWords } from "./run-logged.ts";
import { sourceTree } from "./source-tree.ts";
import { verifyNoSecrets } from "./verify-no-secrets.ts";

/** Runs a step in the root of its tools; the digest of the tree of its outputs. Nothing is remembered here. */
export async function runStep(context: StepContext, step: PlannedStep, tools: Digest): Promise<Digest> {
  const { store } = context;
  const secrets = secretsOf(context, step);
  const forms = formsOf(secrets);
  const root = await stepRoot(context, step, tools);
  const shown = context.progress.start(`run step ${step.name} (${step.plan.platform})`);
  const pack = store.beginPack();
  try {
    const searched = searchedPack(pack, forms);
    const command = commandOf(step.plan.step.argv, { context, step, secrets });
    const { platform } = step.plan;
    const limits = limitsOf(step.plan.step);
    const run = { root, near: tools, platform, command, limits, pack: searched.pack, capture: ["/out"] };
    const { result, log } = await runLogged(context, run, { words: wordsOf(step), secrets: forms });
    log.end(false);
    const out = treeBelow(result.tree, "out");
    verifyNoSecrets(step.name, { out, contents: searched.found, forms, log: log.leaked });
    const outputs = pickOutputs(out, step.plan.step.outputs, step.name);
    const digest = store.putTree(outputs, pack);
    pack.commit();
    shown.done(`${outputs.filter(({ type }) => type !== "dir").length} files`);
    return digest;
  } catch (error) {
    pack.abort();
    throw error;
  }
}

/** The values of a step's secrets. Throws `USAGE_SECRET_MISSING`. */
function secretsOf({ secrets }: StepContext, { name, plan }: PlannedStep): SecretValues {
  return new Map(
    plan.step.secrets.map((secret) => {
      const value = secrets.get(secret);
      if (value !== undefined) return [secret, value];
      const message = `Cannot run step "${name}": its secret "${secret}" was not given`;
      throw new AshlarError("USAGE_SECRET_MISSING", message, {
        hint: `add --secret ${secret}=FILE, or --secret ${secret}=env:VARIABLE`,
      });
    }),
  );
}

/** A step's root, and how a command is started in it. */
export interface OpenedStep {
  readonly root: Tree;
  /** Tree: the tools, from which the root differs little. */
  readonly near: Digest;
  readonly command: SandboxCommand;
}

/** The root that a step runs in, for another command than its own; secrets that were not given are missing there. */
export async function openStepRoot(
  context: StepContext,
  step: PlannedStep,
  { tools, argv }: { readonly tools: Digest; readonly argv: readonly string[] },
): Promise<OpenedStep> {
  const names = new Set(step.plan.step.secrets);
  const secrets = new Map([...context.secrets].filter(([name]) => names.has(name)));
  const root = await stepRoot(context, step, tools);
  return { root, near: tools, command: commandOf(argv, { context, step, secrets }) };
}

/** The root of a run: the tools, the sources with the project's inputs over them at /src, and an empty /out. */
async function stepRoot(
  context: StepContext,
  { name, image, plan }: PlannedStep,
  tools: Digest,
): Promise<Tree> {
  const { store, project } = context;
  const sources = await sourceTree(
    {
      store,
      place: context,
      name,
      logName: logNameOf(image, name, plan.platform),
      platform: plan.platform,
      tools,
      readProject: (path) => readProjectFile(project, path),
    },
    plan.sources,
  );
  return joinTrees([
    { at: "", tree: store.readTree(tools) },
    { at: "src", tree: sources },
    { at: "src", tree: putInputs(context, name, plan) },
    { at: "out", tree: [] },
  ]);
}

/** Brings the inputs into the store; a file that changed since the key was made would be remembered wrongly. */
function putInputs(
  { store, project }: StepContext,
  name: string,
  { step, inputs }: PlannedStep["plan"],
): Tree {
  const pack = store.beginPack();
  try {
    const tree = projectTree(step, project(pack));
    pack.commit();
    if (digestOf(encodeTree(tree)) === digestOf(encodeTree(inputs))) return tree;
  } catch (error) {
    pack.abort();
    throw error;
  }
  const message = `Cannot run step "${name}": its inputs changed while they were read, want them at rest`;
  throw new AshlarError("BUILD_STEP_INPUTS", message, { hint: "build again" });
}

/** A check that varies the processors varies the jobs with them. */
function jobsOf({ jobs, circumstances }: StepContext): number {
  return circumstances?.cpus ?? jobs;
}

interface Given {
  readonly context: StepContext;
  readonly step: PlannedStep;
  readonly secrets: SecretValues;
}

function commandOf(argv: readonly string[], { context, step, secrets }: Given): SandboxCommand {
  const own: Readonly<Record<string, string>> = { SRC: "/src", OUT: "/out", JOBS: String(jobsOf(context)) };
  return {
    argv: isScript(argv) ? argv : argv.map((text) => replaceNames(text, own)),
    env: { ...step.plan.step.env, ...own },
    cwd: "/src",
    secrets: Object.fromEntries(secrets),
  };
}

/** The shell replaces the names itself, where they are not quoted. */
function isScript(argv: readonly string[]): boolean {
  return argv.length === 4 && argv[0] === "/bin/sh" && argv[2] === "-c";
}

function replaceNames(text: string, own: Readonly<Record<string, string>>): string {
  return text.replace(/\$(SRC|OUT|JOBS)(?![A-Za-z0-9_])/g, (_whole, name: string) => own[name] as string);
}

function limitsOf({ timeoutSeconds, memoryBytes }: StepDocument): SandboxLimits {
  return {
    ...defaultLimits,
    ...(timeoutSeconds !== undefined && { seconds: timeoutSeconds }),
    ...(memoryBytes !== undefined && { memoryBytes }),
  };
}

function wordsOf({ image, name, plan }: PlannedStep): RunWords {
  return {
    from: name,
    logName: logNameOf(image, name, plan.platform),
    code: "BUILD_STEP_FAILED",
    cannot: `Cannot run step "${name}"`,
    hint: `look around where it ran: ashlar shell SPEC --step ${name}`,
  };
}

function logNameOf(...parts: readonly string[]): string {
  return ["step", ...parts].join("-").replace(/[^\w.-]+/g, "-");
}
