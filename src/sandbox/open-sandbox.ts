// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { AshlarError, type Json } from "../base/index.ts";
import type { Store } from "../store/index.ts";
import { applyUpper } from "./apply-upper.ts";
import { backends, hostProgram } from "./backend.ts";
import { fixedEnvironment, fixedHostName } from "./environment.ts";
import { findProgram } from "./find-program.ts";
import { type Identity, launch } from "./launcher.ts";
import { ociConfig, type ProcessPlan } from "./oci-config.ts";
import { followRun } from "./run-command.ts";
import { makeRunDir, removeRunDir } from "./run-dir.ts";
import type {
  Sandbox,
  SandboxBackend,
  SandboxCommand,
  SandboxResult,
  SandboxRun,
  SandboxSession,
} from "./sandbox.ts";
import { runError } from "./sandbox-error.ts";
import { ociSeccomp } from "./seccomp.ts";
import { UpperReader } from "./upper.ts";

export interface SandboxOptions {
  readonly store: Store;
  /** Absent: the first that is there of crun, runc and bwrap. */
  readonly backend?: SandboxBackend | undefined;
}

/** Opens the sandbox of this host. Throws `SANDBOX_UNAVAILABLE` with what is missing. */
export function openSandbox(options: SandboxOptions): Sandbox {
  const backend = options.backend ?? backends.find((name) => hostProgram(name) !== undefined);
  if (backend === undefined) {
    throw new AshlarError(
      "SANDBOX_UNAVAILABLE",
      "Cannot run commands: no sandbox is installed, want one of crun, runc, bwrap",
      {
        hint: "run: apt install crun",
      },
    );
  }
  return new HostSandbox(options.store, backend);
}

class HostSandbox implements Sandbox {
  readonly backend: SandboxBackend;
  readonly identity: Identity;
  readonly #store: Store;

  constructor(store: Store, backend: SandboxBackend) {
    this.#store = store;
    this.backend = backend;
    this.identity = process.geteuid?.() === 0 ? "root" : "rootless";
  }

  async run(request: SandboxRun): Promise<SandboxResult> {
    verifyCommand(request);
    const lease = this.#store.lease();
    const dir = makeRunDir(this.#store.tmpDir);
    try {
      return await this.#runIn(dir, request);
    } finally {
      removeRunDir(dir, this.identity);
      lease.release();
    }
  }

  attach(_session: SandboxSession): Promise<number> {
    throw new Error("internal error: not there yet");
  }

  async #runIn(dir: string, request: SandboxRun): Promise<SandboxResult> {
    this.#store.checkout(request.root, join(dir, "over"), { mode: "link" });
    writeConfig(dir, request);
    writeSecrets(dir, request.command.secrets ?? {});
    const reader = new UpperReader(request.pack, this.identity === "root" ? "trusted" : "user");
    const launched = launch({
      dir,
      identity: this.identity,
      parameters: this.#parameters(request),
      captures: ["."],
    });
    try {
      const ended = await followRun(launched, request, { dir: join(dir, "upper"), reader });
      const { exitCode, log } = ended;
      return {
        exitCode,
        log,
        tree: ended.captured ? applyUpper(request.root, reader.finish()) : request.root,
      };
    } finally {
      reader.abort();
    }
  }

  #parameters(request: SandboxRun): Record<string, string> {
    const lower = request.near === undefined ? "over:points" : "over:near:points";
    const userxattr = this.identity === "root" ? "" : ",userxattr";
    return {
      BACKEND: this.backend,
      NEAR: "",
      OVERLAY: `lowerdir=${lower},upperdir=upper,workdir=work,${overlayOptions}${userxattr}`,
      TMPFS: `size=${Math.floor(request.limits.memoryBytes / 2)}`,
      FILE_BLOCKS: `${Math.ceil(request.limits.diskBytes / 512)}`,
      INPUT: request.command.input === undefined ? "" : "1",
    };
  }
}

/** Whatever the kernel's defaults are; `volatile` leaves out syncing, since nothing of it outlives the run. */
const overlayOptions = "index=off,redirect_dir=off,metacopy=off,xino=off,volatile";

function verifyCommand(request: SandboxRun): void {
  const { argv, env } = request.command;
  const [program] = argv;
  if (program === undefined) throw new Error("internal error: a command without a program");
  const searchPath = env?.["PATH"] ?? (fixedEnvironment["PATH"] as string);
  if (findProgram(request.root, program, searchPath) !== undefined) return;
  throw runError("START", argv, `no program "${program}" is in the root`, {
    hint: "name the package that has it among the packages, or the tools of the step",
  });
}

const readonlyPaths = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
const maskedPaths = [
  "acpi",
  "asound",
  "interrupts",
  "kcore",
  "keys",
  "latency_stats",
  "sched_debug",
  "scsi",
  "timer_list",
];

function processPlan(command: SandboxCommand, hostName: string): ProcessPlan {
  const there = (names: readonly string[]): string[] =>
    names.map((name) => `/proc/${name}`).filter(existsSync);
  return {
    argv: command.argv,
    env: { ...fixedEnvironment, ...command.env },
    cwd: command.cwd ?? "/",
    hostName,
    uid: 0,
    gid: 0,
    groups: [],
    terminal: false,
    readonlyPaths: there(readonlyPaths),
    maskedPaths: there(maskedPaths),
  };
}

function writeConfig(dir: string, request: SandboxRun): void {
  const plan = processPlan(request.command, request.circumstances?.hostName ?? fixedHostName);
  const config: Json = ociConfig(plan, ociSeccomp(process.arch));
  writeFileSync(join(dir, "config.json"), JSON.stringify(config));
}

function writeSecrets(dir: string, secrets: Readonly<Record<string, Uint8Array>>): void {
  if (Object.keys(secrets).length === 0) return;
  mkdirSync(join(dir, "secrets"), { mode: 0o700 });
  for (const [name, bytes] of Object.entries(secrets))
    writeFileSync(join(dir, "secrets", name), bytes, { mode: 0o400 });
}
