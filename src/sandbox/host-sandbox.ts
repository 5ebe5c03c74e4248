// SPDX-License-Identifier: Apache-2.0
import { release } from "node:os";
import { join } from "node:path";

import { isAshlarError } from "../base/index.ts";
import { removeTree, type Store } from "../store/index.ts";
import { applyUpper } from "./apply-upper.ts";
import { attachIn, knownCwd, mayBeMounted } from "./attach.ts";
import { unavailable } from "./backend.ts";
import { captureArgs, onlyCaptured } from "./captures.ts";
import { type Cgroups, cgroupName, makeCgroups } from "./cgroups.ts";
import { planCircumstances } from "./circumstances.ts";
import { emulatorFor } from "./emulator.ts";
import { verifyCommand } from "./find-program.ts";
import { type Identity, launch, type LaunchOptions } from "./launcher.ts";
import { makeLowers } from "./lowers.ts";
import { planProcess } from "./process-plan.ts";
import { followRun, interrupted } from "./run-command.ts";
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
    this.#verify(request);
    if (request.signal?.aborted === true) throw interrupted(request);
    for (;;) {
      const { backend } = this;
      try {
        return await this.#inRunDir((dir) => this.#run(dir, request));
      } catch (error) {
        if (!isAshlarError(error, "SANDBOX_BACKEND")) throw error;
        this.#giveUp(backend, error.because);
      }
    }
  }

  async attach(session: SandboxSession): Promise<number> {
    const { root, command } = session;
    if (!mayBeMounted(session)) this.#verify({ root, command: { ...command, cwd: knownCwd(session) } });
    const { identity } = this;
    const overlay = (lowers: readonly string[]): string => this.#overlay(lowers);
    for (;;) {
      const { backend } = this;
      try {
        return await this.#inRunDir((dir) =>
          attachIn(dir, session, { store: this.#store, identity, backend: this.backend, overlay }),
        );
      } catch (error) {
        if (!isAshlarError(error, "SANDBOX_BACKEND")) throw error;
        this.#giveUp(backend, error.because);
      }
    }
  }

  #verify(request: Pick<SandboxRun, "root" | "command">): void {
    verifyCommand(request, (content) => {
      for (const bytes of this.#store.stream(content)) return bytes;
      return new Uint8Array();
    });
  }

  /** The backend could not start anything: goes on to the next. */
  #giveUp(backend: SandboxBackend, because: readonly string[]): void {
    // Another run found that out meanwhile.
    if (backend !== this.backend) return;
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
    const { root, pack, limits } = request;
    const options = this.#launchOptions(dir, request);
    const reader = new UpperReader(pack, this.identity === "root" ? "trusted" : "user");
    const cgroups = this.identity === "root" ? makeCgroups(cgroupName(dir), limits) : noCgroups;
    try {
      const launched = launch({ ...options, cgroups: cgroups.dirs });
      const place = { upper: join(dir, "upper"), reader, refused: cgroups.refused };
      const { exitCode, captured, log } = await followRun(launched, request, place);
      if (!captured) return { exitCode, log, tree: root };
      return { exitCode, log, tree: applyUpper(root, onlyCaptured(reader.finish(), request.capture, root)) };
    } finally {
      cgroups.remove();
    }
  }

  #launchOptions(dir: string, request: SandboxRun): Omit<LaunchOptions, "cgroups"> {
    const { root, near, command, circumstances, limits } = request;
    const where = { dir, identity: this.identity };
    const lowers = makeLowers({ ...where, store: this.#store, root, near });
    const varied = planCircumstances(circumstances, {
      ...{ root, platform: request.platform },
      readContent: (content) => this.#store.read(content),
    });
    const env = { ...emulatorFor(request.platform, this.#store.tmpDir), ...varied.env };
    writeBackendFiles(dir, this.backend, planProcess(command, { hostName: circumstances?.hostName, env }));
    return {
      ...where,
      parameters: {
        BACKEND: this.backend,
        NEAR: lowers.near,
        OVERLAY: this.#overlay(lowers.names),
        STREAMS: command.input === undefined ? "output" : "input",
        TMPFS: `size=${Math.floor(limits.memoryBytes / 2)}`,
        // Above the bounds of the watch, so that it sees them passed.
        FILE_BLOCKS: `${Math.ceil(limits.diskBytes / 512) + 2048}`,
        NPROC: this.identity === "root" || !countsByNamespace() ? "" : `${limits.processes + 32}`,
      },
      captures: captureArgs(request.capture),
      argv: command.argv,
      runFiles: runFiles({ ...secretFiles(command.secrets), ...varied.runFiles }),
      cpus: circumstances?.cpus,
      directoryOrder: varied.directoryOrder,
    };
  }

  #overlay(lowers: readonly string[]): string {
    const attributes = this.identity === "root" ? "" : ",userxattr";
    return `lowerdir=${lowers.join(":")},upperdir=upper,workdir=work,${overlayOptions}${attributes}`;
  }
}

const noCgroups: Cgroups = { dirs: [], refused: () => undefined, remove: () => undefined };

/** Since Linux 5.14 the processes of a user are counted in each user namespace by itself. */
function countsByNamespace(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}
