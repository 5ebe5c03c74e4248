// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { AshlarError, compareOrdinal, type Digest } from "../base/index.ts";
import type { SourceFileRequest } from "../fetch/index.ts";
import { type LockedPackage, withoutUnpacked } from "../lock/index.ts";
import { imagesOf, type ImageDocument, type SourceFileDocument } from "../spec/index.ts";
import type { BuildRequest } from "./build.ts";
import { insideProject } from "./inside.ts";
import { unpackPackages } from "./packages.ts";
import { openProject } from "./project-reader.ts";
import type { RecordedPackage } from "./stage.ts";
import { makeStep, type PlannedStep, recallStep, type StepContext } from "./steps/make-step.ts";
import { planStep } from "./steps/plan-step.ts";
import type { OpenProject } from "./steps/read-project-file.ts";
import { type OpenedStep, openStepRoot } from "./steps/run-step.ts";
import { makeToolsRoot } from "./steps/tools-root.ts";
import { sourceAction } from "./steps/unpack-source.ts";

/** An image for one platform. */
export interface StepsOf {
  readonly key: string;
  readonly platform: string;
}

/** Makes the steps of an image that its `app` takes outputs from; the trees of their outputs by name. */
export type MakeSteps = (of: StepsOf) => Promise<ReadonlyMap<string, Digest>>;

/**
 * Finds out which steps of some images were not made before of the same inputs, and fetches all that these
 * need, packages and sources; they are made when their image is. Throws `LOCK_STALE`, `USAGE_SECRET_UNKNOWN`,
 * `BUILD_SOURCE_MISSING` and what fetching throws.
 */
export async function prepareSteps(
  request: BuildRequest,
  project: OpenProject,
  images: readonly StepsOf[],
): Promise<MakeSteps> {
  refuseUnknownSecrets(request);
  const planned = images.flatMap((of) => planSteps(request, project, of));
  const context: StepContext = { ...request, project, jobs: request.workers };
  const missing = planned.filter((step) => recallStep(context, step) === undefined);
  const packages = missing.flatMap((step) => step.tools);
  const records = missing.length === 0 ? new Map<Digest, Digest>() : await unpackPackages(packages, request);
  await fetchSources(request, missing);
  return async ({ key, platform }) => {
    const own = planned.filter(({ image, plan }) => image === key && plan.platform === platform);
    const outputs = new Map<string, Digest>();
    for (const step of own) {
      const packages = recorded(step.tools, records);
      const makeTools = (): Promise<Digest> =>
        makeToolsRoot(request, { name: step.name, platform, packages });
      outputs.set(step.name, await makeStep(context, step, makeTools));
    }
    return outputs;
  };
}

/** Makes the root that a step runs in, to look around there. Throws `USAGE_STEP` and what making a step throws. */
export async function openStep(
  request: BuildRequest,
  wanted: StepsOf & { readonly name: string; readonly argv: readonly string[] },
): Promise<OpenedStep> {
  refuseUnknownSecrets(request);
  const { name, platform, argv } = wanted;
  const project = openProject(request);
  const step = planNamed(request, project, wanted);
  const records = await unpackPackages(step.tools, request);
  await fetchSources(request, [step]);
  const tools = await makeToolsRoot(request, { name, platform, packages: recorded(step.tools, records) });
  return openStepRoot({ ...request, project, jobs: request.workers }, step, { tools, argv });
}

function recorded(
  tools: readonly LockedPackage[],
  records: ReadonlyMap<Digest, Digest>,
): readonly RecordedPackage[] {
  return tools.map((locked) => ({ locked: withoutUnpacked(locked), record: records.get(locked.digest) as Digest }));
}

/** A misspelt name would be noticed only when the step runs the next time. */
function refuseUnknownSecrets({ document, secrets }: BuildRequest): void {
  const steps = Object.values(imagesOf(document)).flatMap((image) => Object.values(image.steps));
  const known = new Set(steps.flatMap((step) => step.secrets));
  const unknown = [...secrets.keys()].find((name) => !known.has(name));
  if (unknown === undefined) return;
  const names = [...known].sort(compareOrdinal);
  throw new AshlarError(
    "USAGE_SECRET_UNKNOWN",
    `Cannot use secret "${unknown}": no step of the spec names it`,
    {
      hint: names.length === 0 ? "add it to `secrets` of a step" : `the steps have ${names.join(", ")}`,
    },
  );
}

function planSteps(
  request: BuildRequest,
  project: OpenProject,
  { key, platform }: StepsOf,
): readonly PlannedStep[] {
  const image = imagesOf(request.document)[key] as ImageDocument;
  const names = new Set(image.app.flatMap((item) => (item.kind === "output" ? [item.step] : [])));
  return [...names].sort(compareOrdinal).map((name) => planNamed(request, project, { key, platform, name }));
}

function planNamed(
  { document, lock }: BuildRequest,
  project: OpenProject,
  { key, platform, name }: StepsOf & { readonly name: string },
): PlannedStep {
  const { steps } = imagesOf(document)[key] as ImageDocument;
  const step = Object.hasOwn(steps, name) ? steps[name] : undefined;
  if (step === undefined) throw unknownStep(name, key, Object.keys(steps));
  const locked = lock.steps.find(
    (other) => other.image === key && other.step === name && other.platform === platform,
  );
  if (locked === undefined) throw notLocked(name, platform);
  return { image: key, name, plan: planStep(step, platform, project()), tools: locked.packages };
}

function unknownStep(name: string, image: string, known: readonly string[]): AshlarError {
  const message = `Cannot find step "${name}": image "${image}" has no such step`;
  const hint = known.length === 0 ? "it has none" : `it has ${[...known].sort(compareOrdinal).join(", ")}`;
  return new AshlarError("USAGE_STEP", message, { hint });
}

function notLocked(step: string, platform: string): AshlarError {
  const message = `Cannot run step "${step}" for ${platform}: the lock does not have its tools`;
  return new AshlarError("LOCK_STALE", message, { hint: "run: ashlar lock" });
}

async function fetchSources(request: BuildRequest, steps: readonly PlannedStep[]): Promise<void> {
  const wanted = steps
    .flatMap(({ plan }) => plan.step.sources)
    .filter((source) => !isUnpacked(request, source));
  if (wanted.length === 0) return;
  await request.fetchSources(wanted.map((source) => addressOf(request.projectDir, source)));
}

function isUnpacked({ store }: BuildRequest, { unpack, sha256 }: SourceFileDocument): boolean {
  return unpack && store.getAction(sourceAction(sha256)) !== undefined;
}

/** An address without a scheme is a file of the project. */
function addressOf(projectDir: string, { url, sha256: digest }: SourceFileDocument): SourceFileRequest {
  if (URL.canParse(url)) return { url, digest };
  if (existsSync(join(projectDir, url)))
    return { url: pathToFileURL(insideProject(projectDir, url)).href, digest };
  const message = `Cannot take source "${url}": the project has no such file`;
  throw new AshlarError("BUILD_SOURCE_MISSING", message, {
    hint: "write a path below the spec's directory, or an address that begins with https:",
  });
}
