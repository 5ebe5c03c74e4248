// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import type { Readable } from "node:stream";

import { AshlarError } from "../base/index.ts";
import { TarParser } from "../formats/index.ts";
import type { Cgroups } from "./cgroups.ts";
import { type Launched } from "./launcher.ts";
import type { Excess } from "./limits.ts";
import { OutputTail } from "./output-tail.ts";
import type { SandboxRun } from "./sandbox.ts";
import { lastLines, runError } from "./sandbox-error.ts";
import type { UpperReader } from "./upper.ts";
import { Watch } from "./watch.ts";

/** How a run ended; `captured` tells whether the archive is whole. */
export interface Ended {
  readonly exitCode: number;
  readonly captured: boolean;
  readonly log: Uint8Array;
}

/** Where a run writes, and what reads it afterwards. */
export interface RunPlace {
  readonly upper: string;
  readonly reader: UpperReader;
  readonly refused: Cgroups["refused"];
}

/**
 * Sees a launched run to its end: passes its output on, reads its archive, and kills it when it passes a bound.
 * Throws `SANDBOX_TIMEOUT` and the other bounds, `SANDBOX_INTERRUPTED`, `SANDBOX_START`, `SANDBOX_CAPTURE`.
 */
export async function followRun(launched: Launched, request: SandboxRun, place: RunPlace): Promise<Ended> {
  const tail = new OutputTail();
  let excess: Excess | undefined;
  let fault: unknown;
  const kill = (): void => launched.kill();
  const stop = (error: unknown): void => {
    fault ??= error;
    kill();
  };
  const watch = new Watch({
    pid: launched.process.pid ?? 0,
    upper: place.upper,
    refused: place.refused,
    limits: request.limits,
    onExcess: (what) => {
      excess = what;
      kill();
    },
    onFault: stop,
  });
  /** An error of somebody who listens ends the run too. */
  const guarded = (work: (bytes: Buffer) => void) => (bytes: Buffer) => {
    if (fault !== undefined || excess !== undefined) return;
    try {
      work(bytes);
    } catch (error) {
      stop(error);
    }
  };
  const onAbort = (): void => stop(interrupted(request));
  request.signal?.addEventListener("abort", onAbort, { once: true });
  const onOutput = guarded((bytes) => {
    tail.add(bytes);
    watch.addOutput(bytes.length);
    request.onOutput?.(bytes);
  });
  for (const stream of launched.output) stream.on("data", onOutput);
  const parser = new TarParser(place.reader);
  launched.archive.on(
    "data",
    guarded((bytes) => parser.push(bytes)),
  );
  launched.input?.end(request.command.input ?? "");
  try {
    const [control] = await Promise.all([textOf(launched.control), once(launched.process, "close")]);
    if (fault === undefined && !/^captured$/m.test(control)) watch.lookBack();
    if (excess !== undefined) throw excessError(request, excess, tail.bytes());
    if (fault !== undefined) throw captureFault(request, fault);
    return conclude(control, request, tail.bytes(), parser);
  } finally {
    place.reader.abort();
    watch.end();
    request.signal?.removeEventListener("abort", onAbort);
  }
}

async function textOf(stream: Readable): Promise<string> {
  const parts: Buffer[] = [];
  stream.on("data", (bytes: Buffer) => parts.push(bytes));
  await new Promise((resolve) => stream.once("close", resolve));
  return Buffer.concat(parts).toString("utf8");
}

/** What the script's words say. `SANDBOX_BACKEND` is for the caller: another backend may do better. */
function conclude(control: string, request: SandboxRun, log: Uint8Array, parser: TarParser): Ended {
  const { argv } = request.command;
  const quoted = quotedLines(request, log);
  const exit = /^exit (\d+)$/m.exec(control);
  const exitCode = Number(exit?.[1] ?? 1);
  const said = [...control.matchAll(/^log (.*)$/gm)].map((match) => match[1] as string).filter(isFault);
  if (!control.startsWith("started")) {
    throw runError("START", argv, "the sandbox could not be made", {
      because: quoted,
      hint: seeDocs,
    });
  }
  if (exit === null || (exitCode !== 0 && said.length > 0)) {
    throw runError("BACKEND", argv, "the sandbox could not start it", {
      because: [...said, ...quoted],
    });
  }
  const captured = /^captured$/m.test(control);
  if (captured) parser.finish();
  else if (exitCode === 0) {
    throw runError("CAPTURE", argv, "what it changed could not be read", { because: quoted });
  }
  return { exitCode, captured, log };
}

/** Who listens has every line already, and only there are secrets taken out of them. */
function quotedLines({ onOutput }: SandboxRun, log: Uint8Array): readonly string[] {
  return onOutput === undefined ? lastLines(log) : [];
}

const seeDocs = "see docs/sandbox.md for what it needs";

/** The runtimes also log what is none. */
function isFault(line: string): boolean {
  return line !== "" && !/level=(?:debug|info|warning)/.test(line);
}

function excessError(request: SandboxRun, excess: Excess, log: Uint8Array): AshlarError {
  return runError(excess.reason, request.command.argv, excess.fault, {
    hint: excess.hint,
    because: quotedLines(request, log),
  });
}

function captureFault(request: SandboxRun, fault: unknown): unknown {
  if (fault instanceof AshlarError && !fault.code.startsWith("SANDBOX_")) {
    const parts = { because: [fault.message], cause: fault };
    return runError("CAPTURE", request.command.argv, "what it changed makes no tree", parts);
  }
  return fault;
}

/** For a run that its caller does not want any more. */
export function interrupted(request: SandboxRun): AshlarError {
  return runError("INTERRUPTED", request.command.argv, "interrupted");
}
