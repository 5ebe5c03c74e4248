// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { StepEnded } from "./run-step.ts";

/** Calls that write, or decide what is there. */
export const writingCalls = [
  "openat", "write", "writev", "pwrite64", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate", "copy_file_range",
  "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir",
  "mkdir", "mkdirat", "chmod", "fchmod", "fchmodat", "fchown", "lchown", "fchownat", "utimensat",
] as const;

/** Calls that only look. */
export const readingCalls = ["read", "pread64", "readv", "getdents64", "statx", "readlink", "close"] as const;

/** One call of a run, below the directory of the run. */
export interface Call {
  readonly name: string;
  /** The how many-th of this name in its thread; from 1. */
  readonly count: number;
  /** As strace shows it. */
  readonly text: string;
}

export interface VictimEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The steps that ended, as the victim told. */
  readonly steps: readonly StepEnded[];
  readonly err: string;
  readonly isHung: boolean;
  /** strace's log. */
  readonly log: string;
  /** From the beginning of the first step on. */
  readonly tookMs: number;
}

export interface VictimOptions {
  readonly base: string;
  readonly life: string;
  /** Arguments of strace; absent: it runs free. */
  readonly strace?: readonly string[];
  /** What its clock shows, in the format of faketime; absent: the true time. */
  readonly clock?: string;
  /** Where Node keeps compiled modules, and the log goes. */
  readonly cache: string;
  readonly hangMs?: number;
  /** Killed so long after its first step began. */
  readonly killMs?: number;
}

/**
 * Runs the steps of a life in a process of its own. Its pool has one thread, so that each thread makes the same calls
 * in every run.
 */
export async function runVictim(options: VictimOptions): Promise<VictimEnd> {
  const { base, life, strace, clock, cache, hangMs = 60_000, killMs } = options;
  const logPath = join(cache, `strace-${process.pid}.log`);
  rmSync(logPath, { force: true });
  const tracer = strace === undefined ? [] : ["strace", "-f", "-qq", "-y", "-o", logPath, ...strace];
  const node = [process.execPath, "--disable-warning=ExperimentalWarning"];
  const own = [join(import.meta.dirname, "victim.ts"), base, life];
  const faker = clock === undefined ? [] : ["faketime", "-f", clock];
  const [command = "", ...args] = [...faker, ...tracer, ...node, ...own];
  const settings = { NODE_COMPILE_CACHE: cache, UV_THREADPOOL_SIZE: "1", DONT_FAKE_MONOTONIC: "1" };
  const env = { PATH: process.env["PATH"], HOME: base, LC_ALL: "C", ...settings };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const end = (): void => {
    try {
      process.kill(-(child.pid as number), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  let isHung = false;
  const hang = setTimeout(() => ((isHung = true), end()), hangMs);
  let [out, err, begun] = ["", "", performance.now()];
  child.stderr.on("data", (bytes) => (err += bytes));
  child.stdout.on("data", (bytes) => {
    // The first line says that all is loaded.
    if (out === "") begun = performance.now();
    if (out === "" && killMs !== undefined) setTimeout(end, killMs);
    out += bytes;
  });
  const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(hang);
  const log = existsSync(logPath) ? readFileSync(logPath, "utf8") : "";
  return { status, signal, steps: parseSteps(out), err, isHung, log, tookMs: performance.now() - begun };
}

function parseSteps(out: string): StepEnded[] {
  const lines = out.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
  return lines.map((line) => JSON.parse(line) as StepEnded);
}

/** The calls of the main thread on what lies below `base`, in order. */
export function parseCalls(log: string, base: string): Call[] {
  const counts = new Map<string, number>();
  const calls: Call[] = [];
  let main: string | undefined;
  for (const line of log.split("\n")) {
    const match = /^(\d+) +(\w+)\((.*)$/.exec(line);
    if (match === null) continue;
    const [, thread, name, rest] = match as unknown as [string, string, string, string];
    main ??= thread;
    if (thread !== main) continue;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    if (rest.includes(`${base}/`)) calls.push({ name, count, text: `${name}(${rest}` });
  }
  return calls;
}

/** Arguments of strace that show these calls. */
export function watching(names: readonly string[]): string[] {
  return ["-s", "200", "-e", "signal=none", "-e", `trace=${names.join(",")}`];
}

/** Arguments of strace that kill the process before a call. Under seccomp it would send no signal. */
export function killingAt({ name, count }: Call): string[] {
  return [...watching([name]), "-e", `inject=${name}:signal=SIGKILL:when=${count}`];
}

/** Arguments of strace that let a call fail; with `stays` all later ones of its name too. */
export function failingAt({ name, count }: Call, error: string, stays = false): string[] {
  return ["--seccomp-bpf", ...watching([name]), "-e", `inject=${name}:error=${error}:when=${count}${stays ? "+" : ""}`];
}
