// SPDX-License-Identifier: Apache-2.0
import { stripTypeScriptTypes } from "node:module";

import variant from "@jitl/quickjs-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant, type QuickJSContext, type QuickJSWASMModule } from "quickjs-emscripten-core";

import { resolveModule } from "./resolve-module.ts";
import { sealContext } from "./seal-context.ts";

export interface EvaluateRequest {
  /** Path of the spec in the project. */
  readonly entry: string;
  /** Path in the project to text; the entry and every further module that was asked for so far. */
  readonly modules: ReadonlyMap<string, string>;
  /** The text of the module "ashlar". */
  readonly define: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface AskedInput {
  readonly name: string;
  /** Absent where there is neither a given value nor a default. */
  readonly value?: string;
}

/** A fault in the text of a module; line and column count from 1. */
export interface EvaluateFault {
  readonly kind: "fault";
  readonly module: string;
  readonly line?: number;
  readonly column?: number;
  readonly reason: string;
  /** Inputs that were asked for before it went wrong: a missing one is the better explanation. */
  readonly asked: readonly AskedInput[];
}

export type EvaluateAnswer =
  | { readonly kind: "value"; readonly json: string; readonly asked: readonly AskedInput[] }
  /** The text of this module is wanted; call again with it. */
  | { readonly kind: "need"; readonly module: string }
  | EvaluateFault;

/** Bounds of one evaluation. Time is counted in calls of the interrupt hook (10,000 steps each), never by a clock. */
const bounds = { memoryBytes: 16 << 20, stackBytes: 128 << 10, interrupts: 4000, jsonChars: 2 << 20 } as const;

/** Evaluates a spec twice, each time in a world of its own, and compares. Never throws for what a spec does. */
export async function evaluate(request: EvaluateRequest): Promise<EvaluateAnswer> {
  const quickJs = await loadQuickJs();
  const first = evaluateOnce(quickJs, request);
  if (first.kind !== "value") return first;
  const second = evaluateOnce(quickJs, request);
  if (second.kind === "value" && second.json === first.json) return first;
  return { kind: "fault", module: request.entry, reason: "two evaluations gave different results", asked: [] };
}

/** An instance for each call: one that ran out of memory or stack is not used again, and is freed as a whole. */
function loadQuickJs(): Promise<QuickJSWASMModule> {
  return newQuickJSWASMModuleFromVariant(variant as unknown as Parameters<typeof newQuickJSWASMModuleFromVariant>[0]);
}

interface World {
  readonly context: QuickJSContext;
  readonly request: EvaluateRequest;
  /** What the module loader found; it can only fail, not explain. */
  loading: EvaluateAnswer | undefined;
  asked: () => AskedInput[];
}

function evaluateOnce(quickJs: QuickJSWASMModule, request: EvaluateRequest): EvaluateAnswer {
  const runtime = quickJs.newRuntime();
  runtime.setMemoryLimit(bounds.memoryBytes);
  runtime.setMaxStackSize(bounds.stackBytes);
  let interrupts = 0;
  runtime.setInterruptHandler(() => ++interrupts > bounds.interrupts);
  const world: World = { context: runtime.newContext(), request, loading: undefined, asked: () => [] };
  runtime.setModuleLoader(
    (name) => loadModule(world, name),
    (base, wanted) => normalize(world, base, wanted),
  );
  try {
    return run(world);
  } catch (error) {
    // The host's own stack ran out below QuickJS, or the instance is broken: still the spec's doing.
    return { kind: "fault", module: request.entry, reason: `evaluation broke off (${String(error)})`, asked: [] };
  }
}

function run(world: World): EvaluateAnswer {
  const { context, request } = world;
  const json = context.unwrapResult(context.evalCode(`(${sealContext.toString()})()`, "seal", { type: "global" }));
  const setting = `globalThis.ashlarInputs = { given: ${JSON.stringify(request.parameters)}, asked: [] }`;
  const exchange = context.unwrapResult(context.evalCode(setting, "inputs", { type: "global" }));
  world.asked = () => {
    const asked = context.unwrapResult(
      context.callFunction(json, context.undefined, context.getProp(exchange, "asked")),
    );
    return JSON.parse(context.getString(asked)) as AskedInput[];
  };
  // Evaluated first, the module "ashlar" takes the inputs out of sight of the spec.
  context.unwrapResult(context.evalCode('import "ashlar";', "prepare", { type: "module" }));
  const code = loadModule(world, request.entry);
  if (typeof code !== "string") return world.loading ?? faultFrom(world, code.error);
  const evaluated = context.evalCode(code, request.entry, { type: "module", strict: true });
  if (evaluated.error) return world.loading ?? faultFrom(world, context.dump(evaluated.error));
  context.runtime.executePendingJobs();
  const settled = context.getPromiseState(evaluated.value);
  if (settled.type === "rejected") return world.loading ?? faultFrom(world, context.dump(settled.error));
  if (settled.type === "pending") return faultFrom(world, new Error("it waits for something that never happens"));
  return readExport(world, settled.value, json);
}

function readExport(
  world: World,
  namespace: Parameters<QuickJSContext["getProp"]>[0],
  json: typeof namespace,
): EvaluateAnswer {
  const { context } = world;
  const value = context.getProp(namespace, "default");
  if (context.typeof(value) === "undefined") {
    return faultFrom(world, new Error("there is no default export, want: export default image({ ... })"));
  }
  const text = context.callFunction(json, context.undefined, value);
  if (text.error) return faultFrom(world, context.dump(text.error));
  const length = context.getNumber(context.getProp(text.value, "length"));
  if (length > bounds.jsonChars) {
    return faultFrom(
      world,
      new Error(`the exported value is ${length} characters of JSON, want ${bounds.jsonChars} at most`),
    );
  }
  return { kind: "value", json: context.getString(text.value), asked: world.asked() };
}

function normalize(world: World, base: string, wanted: string): string | { error: Error } {
  const resolved = resolveModule(base, wanted);
  if (typeof resolved === "string") return resolved;
  const text = world.request.modules.get(base) ?? "";
  const at = Math.max(text.indexOf(`"${wanted}"`), text.indexOf(`'${wanted}'`));
  world.loading ??= {
    kind: "fault",
    module: base,
    ...positionAt(text, at),
    reason: resolved.reason,
    asked: world.asked(),
  };
  return { error: new Error(resolved.reason) };
}

function positionAt(text: string, offset: number): { line: number; column: number } | undefined {
  if (offset < 0) return undefined;
  const lines = text.slice(0, offset).split("\n");
  return { line: lines.length, column: (lines.at(-1) as string).length + 1 };
}

function loadModule(world: World, name: string): string | { error: Error } {
  if (name === "ashlar") return stripTypeScriptTypes(world.request.define);
  const text = world.request.modules.get(name);
  if (text === undefined) {
    world.loading ??= { kind: "need", module: name };
    return { error: new Error(`needs ${name}`) };
  }
  try {
    return stripTypeScriptTypes(text);
  } catch (error) {
    world.loading ??= {
      kind: "fault",
      module: name,
      ...syntaxPlace(error),
      reason: syntaxReason(error),
      asked: world.asked(),
    };
    return { error: new Error("syntax") };
  }
}

/** The compiler draws the place into the first lines of the stack: ":3", some lines up to it, and marks below it. */
function syntaxPlace(error: unknown): { line: number; column: number } | undefined {
  const lines = ((error as Error).stack ?? "").split("\n").slice(0, 12);
  const line = /:(\d+)$/.exec(lines[0] as string)?.[1];
  if (line === undefined) return undefined;
  const marks = lines.find((one) => /^\s*\^+\s*$/.test(one)) ?? "";
  return { line: Number(line), column: Math.max(0, marks.indexOf("^")) + 1 };
}

function syntaxReason(error: unknown): string {
  // The compiler is WebAssembly and recursive; that it ran over its stack is all it can tell.
  const message = (error instanceof Error ? error.message : String(error)).split("\n")[0] as string;
  if (/^(memory access out of bounds|unreachable|Maximum call stack)/.test(message))
    return "the text is nested too deep";
  return message.slice(0, 300);
}

/** Turns what was thrown inside into a fault at the topmost place that is not in the module "ashlar". */
function faultFrom(world: World, thrown: unknown): EvaluateFault {
  const { name, message, stack } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as Record<
    string,
    unknown
  >;
  const { entry, modules } = world.request;
  const said = message === undefined ? `it threw ${JSON.stringify(thrown)}` : `${String(message)}`;
  const reason = explain(name === undefined || name === "Error" ? said : `${String(name)}: ${said}`).slice(0, 500);
  for (const [, module, line, column] of String(stack ?? "").matchAll(/([^\s()]+):(\d+):(\d+)/g)) {
    if (module === undefined || !modules.has(module)) continue;
    return { kind: "fault", module, line: Number(line), column: Number(column), reason, asked: safely(world.asked) };
  }
  return { kind: "fault", module: entry, reason, asked: safely(world.asked) };
}

/** Out of memory, even reading the inputs can fail. */
function safely(asked: () => AskedInput[]): AskedInput[] {
  try {
    return asked();
  } catch {
    return [];
  }
}

function explain(reason: string): string {
  if (reason === "InternalError: interrupted") return "it does not come to an end (stopped after 40 million steps)";
  if (reason === "InternalError: out of memory") return `it needs more than ${bounds.memoryBytes >> 20} MiB of memory`;
  return reason;
}
