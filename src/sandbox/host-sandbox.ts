// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";

import { isAshlarError } from "../base/index.ts";
import { removeTree, type Store } from "../store/index.ts";
import { applyUpper } from "./apply-upper.ts";
import { unavailable } from "./backend.ts";
import { captureArgs, onlyCaptured } from "./captures.ts";
import { emulatorFor } from "./emulator.ts";
import { verifyCommand } from "./find-program.ts";
import { type Identity, launch } from "./launcher.ts";
import { makeLowers } from "./lowers.ts";
import { planProcess } from "./process-plan.ts";
import { followRun } from "./run-command.ts";
import { makeRunDir, writeBackendFiles } from "./run-dir.ts";
import { runFiles, secretFiles } from "./run-files.ts";
import type { Sandbox, SandboxBackend, SandboxResult, SandboxRun, SandboxSession } from "./sandbox.ts";
import { UpperReader } from "./upper.ts";

export interface HostOptions {
  readonly store: Store;
  readonly identity: Identity;
  /** To try in this order; not empty. */
  readonly backends: readonly SandboxBackend[];
}

/** Whatever the kernel's defaults are; `volatile` leaves out syncing, since nothing of it outlives the run. */
const overlayOptions = "index=off,redirect_dir=nofollow,metacopy=off,xino=off,volatile";

/** The sandbox of this host. (docs/sandbox.md) */
export class HostSandbox implements Sandbox {
  readonly identity: Identity;
  readonly #store: Store;
  #backends: readonly SandboxBackend[];
  /** Why others were given up. */
  readonly #faults: string[] = [];

  constructor(options: HostOptions) {
    this.#store = options.store;
    this.identity = options.identity;
    this.#backends = options.backends;
  }

  get backend(): SandboxBackend {
    return this.#backends[0] as SandboxBackend;
  }

  async run(request: SandboxRun): Promise<SandboxResult> {
    verifyCommand(request);
    for (;;) {
      try {
        return await this.#inRunDir((dir) => this.#run(dir, request));
      } catch (error) {
        if (!isAshlarError(error, "SANDBOX_BACKEND")) throw error;
        this.#giveUp(error.because);
      }
    }
  }

  // Helper ARCH is writing this at the moment (src/sandbox/attach.ts).
  attach(_session: SandboxSession): Promise<number> {
    throw new Error("internal error: not there yet");
  }

  /** The backend could not start anything: goes on to the next. */
  #giveUp(because: readonly string[]): void {
    this.#faults.push(`${this.backend} does not work here`, ...because);
    if (this.#backends.length === 1) throw unavailable(this.#faults);
    this.#backends = this.#backends.slice(1);
  }

  async #inRunDir<T>(work: (dir: string) => Promise<T>): Promise<T> {
    const lease = this.#store.lease();
    const dir = makeRunDir(this.#store.tmpDir);
    try {
      return await work(dir);
    } finally {
      removeTree(dir);
      lease.release();
    }
  }

  async #run(dir: string, request: SandboxRun): Promise<SandboxResult> {
    const { root, near, command, circumstances } = request;
    const lowers = makeLowers({ store: this.#store, dir, identity: this.identity, root, near });
    const plan = planProcess(command, {
      hostName: circumstances?.hostName,
      env: emulatorFor(request.platform, this.#store.tmpDir),
    });
    writeBackendFiles(dir, this.backend, plan);
    const reader = new UpperReader(request.pack, this.identity === "root" ? "trusted" : "user");
    const launched = launch({
      dir,
      identity: this.identity,
      parameters: {
        BACKEND: this.backend,
        NEAR: lowers.near,
        OVERLAY: this.#overlay(lowers.names),
        STREAMS: command.input === undefined ? "output" : "input",
        TMPFS: `size=${Math.floor(request.limits.memoryBytes / 2)}`,
        FILE_BLOCKS: `${Math.ceil(request.limits.diskBytes / 512)}`,
      },
      captures: captureArgs(request.capture),
      argv: command.argv,
      runFiles: runFiles(secretFiles(command.secrets)),
      cpus: circumstances?.cpus,
    });
    const { exitCode, captured, log } = await followRun(launched, request, {
      dir: join(dir, "upper"),
      reader,
    });
    if (!captured) return { exitCode, log, tree: root };
    return { exitCode, log, tree: applyUpper(root, onlyCaptured(reader.finish(), request.capture, root)) };
  }

  #overlay(lowers: readonly string[]): string {
    const attributes = this.identity === "root" ? "" : ",userxattr";
    return `lowerdir=${lowers.join(":")},upperdir=upper,workdir=work,${overlayOptions}${attributes}`;
  }
}
