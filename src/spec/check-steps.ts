// SPDX-License-Identifier: Apache-2.0
import type { AppItem, FromDocument, ImageDocument, SourceFileDocument, StepDocument } from "./document.ts";
import type { Say } from "./check-meaning.ts";
import { fileName } from "./expand-steps.ts";
import { didYouMean } from "./fault.ts";

/** Finds what steps, and what is placed of their outputs, contradict. */
export function checkSteps({ from, steps, app }: ImageDocument, say: Say): void {
  const lacking = archiveLacking(from);
  if (lacking !== undefined && Object.keys(steps).length > 0) {
    say(["steps"], `there is no archive to take their tools from, want ${lacking}`, hintWithout(from));
  }
  for (const [name, step] of Object.entries(steps)) {
    checkStep(step, (path, why, hint) => say(["steps", name, ...path], why, hint));
  }
  app.forEach((item, i) =>
    checkOutput(item, steps, (path, why, hint) => say(["app", i, "output", ...path], why, hint)),
  );
}

/** What names an archive where an image has none by itself. */
export function archiveLacking(from: FromDocument): string | undefined {
  if (from.kind === "scratch") return "from: debian:SUITE";
  return from.kind === "oci" && from.suite === undefined ? "debian: SUITE beside oci" : undefined;
}

function hintWithout(from: FromDocument): string | undefined {
  if (from.kind !== "scratch") return undefined;
  return "with install: unpack and no packages that image holds base-files and its accounts and nothing else";
}

function checkStep(step: StepDocument, say: Say): void {
  const first = new Set<string>();
  step.tools.forEach((tool, i) => {
    if (first.has(tool)) say(["tools", i], "it is named before, want it once");
    first.add(tool);
  });
  for (const name of ["SRC", "OUT", "JOBS"]) {
    if (Object.hasOwn(step.env, name)) say(["env", name], "Ashlar sets it, want another name");
  }
  if (step.exclude.length > 0 && step.inputs.length === 0) {
    say(["exclude"], "there are no inputs to leave files out of, want inputs beside it");
  }
  if (!Number.isSafeInteger(step.memoryBytes ?? 0)) say(["memory"], "it is too large a number");
  const files = new Set<string>();
  step.sources.forEach((source, i) => {
    checkSource(source, (path, why, hint) => say(["sources", i, ...path], why, hint));
    if (source.unpack) return;
    if (files.has(source.to))
      say(["sources", i], `another source goes to "${source.to}", want to: ... in one of them`);
    files.add(source.to);
  });
}

const otherArchives = /\.(bz2|tbz2?|zip|lz|lzma|tlz|7z|rar|Z)$/;

function checkSource({ url, unpack, to, patches }: SourceFileDocument, say: Say): void {
  if (patches.length > 0 && !unpack) {
    say(["patches"], "the source is not unpacked, want unpack: true or no patches");
  }
  if (!unpack && to === "") say(["url"], "it does not end in a file's name, want to: NAME beside it");
  if (unpack && otherArchives.test(fileName(url))) {
    const hint =
      "leave it as it is with unpack: false, and unpack it in the step with a program of its tools";
    say(["unpack"], "only tar can be unpacked, plain or compressed with gzip, xz or zstd", hint);
  }
}

function checkOutput(item: AppItem, steps: ImageDocument["steps"], say: Say): void {
  if (item.kind !== "output") return;
  const names = Object.keys(steps);
  const step = Object.hasOwn(steps, item.step) ? steps[item.step] : undefined;
  if (step === undefined) {
    const meant = didYouMean(item.step, names);
    const want = names.length === 0 ? "one under steps" : `one of ${names.join(", ")}`;
    say(["step"], `there is no step "${item.step}", want ${want}`, meant && `did you mean "${meant}"?`);
    return;
  }
  const stray = item.from.find((path) => !step.outputs.some((output) => mayMeet(path, output)));
  if (stray === undefined) return;
  const want = `one of its outputs: ${step.outputs.join(", ")}`;
  say(["path"], `step "${item.step}" is not asked for "${stray}", want ${want}`, `or add it to its outputs`);
}

/** Whether two paths or patterns may mean the same file, or one a file below the other. */
function mayMeet(a: string, b: string): boolean {
  if (/[*?[\]{}()!]/.test(a + b)) return true;
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}
