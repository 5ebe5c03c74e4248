// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path/posix";
import { Worker } from "node:worker_threads";

import { byText, type Digest, digestOf, isSystemError, type Place } from "../base/index.ts";
import type { EvaluateAnswer, EvaluateFault, EvaluateRequest } from "./evaluate.ts";
import { type DataPath, didYouMean, type Fault, type Locator } from "./fault.ts";
import { plainFaults } from "./plain-value.ts";
import type { Source, SpecText } from "./source.ts";
import { lineColumnAt, placeAt } from "./text-place.ts";

const ownEnding = import.meta.url.endsWith(".ts") ? "ts" : "js";
const modulesMax = 64;
const moduleCharsMax = 1 << 20;
/** Only for what QuickJS cannot interrupt, such as arithmetic on huge numbers; all else ends by counting steps. */
const wallMsMax = 10_000;

/** Evaluates a TypeScript spec in a thread of its own, feeding it the modules it imports. */
export async function readTypeScript(spec: SpecText, wallMs: number = wallMsMax): Promise<Source> {
  const entry = basename(spec.file);
  const modules = new Map([[entry, spec.text]]);
  const locator = locatorOf(spec);
  const failed = (fault: Fault): Source => ({
    value: undefined,
    faults: [fault],
    locator,
    inputs: inputsOf(modules, entry),
  });
  const evaluator = startEvaluator(wallMs);
  try {
    for (;;) {
      const answer = await evaluator.ask({ entry, modules, define: defineText(), parameters: spec.parameters });
      if (answer === undefined) return failed({ path: [], message: "evaluate the spec: it does not come to an end" });
      if (answer.kind === "fault")
        return { ...failed(codeFault(spec, modules, answer)), faults: faultsOf(spec, modules, answer) };
      if (answer.kind === "value") return sourceOf(spec, answer, locator, inputsOf(modules, entry));
      const missing = addModule(spec, modules, answer.module);
      if (missing !== undefined) return failed(missing);
    }
  } finally {
    await evaluator.stop();
  }
}

/** The functions users import are this folder's own file; inside the evaluator it is the module "ashlar". */
function defineText(): string {
  return readFileSync(new URL(`define.${ownEnding}`, import.meta.url), "utf8");
}

const resourceLimits = { maxOldGenerationSizeMb: 256 };

interface Evaluator {
  /** Undefined when the time is over. */
  ask(request: EvaluateRequest): Promise<EvaluateAnswer | undefined>;
  stop(): Promise<unknown>;
}

function startEvaluator(wallMs: number): Evaluator {
  const file = new URL(`evaluate-worker.${ownEnding}`, import.meta.url);
  const worker = new Worker(file, { env: {}, execArgv: ["--disable-warning=ExperimentalWarning"], resourceLimits });
  const ask = (request: EvaluateRequest): Promise<EvaluateAnswer | undefined> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(undefined), wallMs);
      worker.removeAllListeners();
      worker.once("message", (answer: EvaluateAnswer) => (clearTimeout(timer), resolve(answer)));
      worker.once("error", (error) => {
        clearTimeout(timer);
        if (!isSystemError(error, "ERR_WORKER_OUT_OF_MEMORY")) return reject(error);
        resolve({ kind: "fault", module: request.entry, reason: "it needs too much memory", asked: [] });
      });
      worker.postMessage(request);
    });
  return { ask, stop: () => worker.terminate() };
}

function addModule(spec: SpecText, modules: Map<string, string>, path: string): Fault | undefined {
  const refuse = (why: string): Fault => {
    const [importer, text, at] = importerOf(modules, path);
    const where = placeAt(fileOf(spec, importer), text, lineColumnAt(text, at));
    return { path: [], message: `import "${path}": ${why}`, where };
  };
  if (modules.size >= modulesMax) return refuse(`the spec has more than ${modulesMax} modules`);
  const text = spec.readModule?.(path);
  if (text === undefined) return refuse("there is no such file in the project");
  if (text.length > moduleCharsMax) return refuse(`it is longer than ${moduleCharsMax} characters`);
  modules.set(path, text);
  return undefined;
}

/** The module that holds the import, its text and where in it the file's name stands. */
function importerOf(modules: ReadonlyMap<string, string>, path: string): [string, string, number] {
  for (const [name, text] of [...modules].reverse()) {
    const at = text.indexOf(basename(path));
    if (at >= 0) return [name, text, at];
  }
  const [name, text] = [...modules][0] as [string, string];
  return [name, text, 0];
}

function inputsOf(modules: ReadonlyMap<string, string>, entry: string): { path: string; digest: Digest }[] {
  const further = [...modules].filter(([path]) => path !== entry);
  return further.map(([path, text]) => ({ path, digest: digestOf(text) })).sort(byText((input) => input.path));
}

function fileOf(spec: SpecText, module: string): string {
  return join(dirname(spec.file), module);
}

/** A missing input explains more than what came of its absence. */
function faultsOf(spec: SpecText, modules: ReadonlyMap<string, string>, answer: EvaluateFault): Fault[] {
  const missing = missingInputs(spec, answer.asked);
  return missing.length > 0 ? missing : [codeFault(spec, modules, answer)];
}

function codeFault(spec: SpecText, modules: ReadonlyMap<string, string>, answer: EvaluateFault): Fault {
  const { module, line, column = 1, reason } = answer;
  const file = fileOf(spec, module);
  const text = modules.get(module) ?? "";
  const named = /'(\w+)'/.exec(reason)?.[1] ?? "";
  const where = line === undefined ? placeOfText({ file, text }, named) : placeAt(file, text, { line, column });
  return { path: [], message: `evaluate the spec: ${reason}`, hint: hintFor(reason), where };
}

const absent =
  /^ReferenceError: '?(Date|process|require|console|fetch|setTimeout|performance|Buffer|__dirname|crypto)'? is not/;

function hintFor(reason: string): string | undefined {
  const name = absent.exec(reason)?.[1];
  if (name === "console") return "look at what comes out with: ashlar convert --to json";
  if (name !== undefined)
    return `a spec has no clock, environment, files or network; pass a value in with input("name") and --set`;
  if (/enum|namespace|parameter property/i.test(reason)) return "use only syntax whose types can be erased";
  return undefined;
}

function sourceOf(
  spec: SpecText,
  answer: Extract<EvaluateAnswer, { kind: "value" }>,
  locator: Locator,
  inputs: Source["inputs"],
): Source {
  const value: unknown = JSON.parse(answer.json);
  const asked = answer.asked;
  const missing = missingInputs(spec, asked);
  const faults = [...missing, ...unknownInputs(spec, asked), ...plainFaults(value)];
  // What was made of a stand-in for a missing input is not worth looking at.
  return { value: missing.length > 0 ? undefined : value, faults, locator, inputs };
}

function missingInputs(spec: SpecText, asked: EvaluateFault["asked"]): Fault[] {
  const names = new Set(asked.filter(({ value }) => value === undefined).map(({ name }) => name));
  return [...names].map((name) => ({
    path: [],
    message: `evaluate the spec: input "${name}" has neither a value nor a default`,
    hint: `add --set ${name}=VALUE`,
    where: placeOfText(spec, JSON.stringify(name)),
  }));
}

function unknownInputs(spec: SpecText, asked: EvaluateFault["asked"]): Fault[] {
  const names = [...new Set(asked.map(({ name }) => name))].sort();
  const unknown = Object.keys(spec.parameters).filter((name) => !names.includes(name));
  return unknown.sort().map((name) => {
    const meant = didYouMean(name, names);
    const known = names.length === 0 ? "it asks for none" : `it asks for ${names.map((one) => `"${one}"`).join(", ")}`;
    return {
      path: [],
      message: `set "${name}": the spec has no such input, ${known}`,
      hint: meant === undefined ? undefined : `did you mean --set ${meant}=...?`,
      where: { file: spec.file },
    };
  });
}

/**
 * The data does not know where in the program it was made. Where its key or text occurs just once in the spec, that
 * is the place; else the file alone is named.
 */
function locatorOf(spec: SpecText): Locator {
  return {
    placeOf(path: DataPath, onKey: boolean): Place {
      const names = path.filter((part) => typeof part === "string");
      const key = onKey ? names.at(-1) : undefined;
      const candidates = key === undefined ? names.toReversed() : [key];
      for (const name of candidates) {
        const place = placeOfText(spec, name);
        if (place.line !== undefined) return place;
      }
      return { file: spec.file };
    },
  };
}

function placeOfText(spec: { readonly file: string; readonly text: string }, text: string): Place {
  const at = uniqueWord(spec.text, text);
  if (at === undefined) return { file: spec.file };
  return placeAt(spec.file, spec.text, { ...lineColumnAt(spec.text, at), length: text.length });
}

/** Where a word stands, if it stands there once and not inside a longer word. */
function uniqueWord(text: string, word: string): number | undefined {
  let found: number | undefined;
  for (let at = text.indexOf(word); at >= 0 && word !== ""; at = text.indexOf(word, at + 1)) {
    if (/[\w$]/.test(text[at - 1] ?? "") || /[\w$]/.test(text[at + word.length] ?? "")) continue;
    if (found !== undefined) return undefined;
    found = at;
  }
  return found;
}
