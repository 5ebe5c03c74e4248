// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { PackWriter } from "../store/index.ts";

export type SandboxBackend = "crun" | "runc" | "bwrap";

/** Bounds of one run; what goes beyond ends it with a typed error. */
export interface SandboxLimits {
  readonly seconds: number;
  /** Of all processes together. */
  readonly memoryBytes: number;
  readonly processes: number;
  /** What the run may add to the root. */
  readonly diskBytes: number;
  /** Of stdout and stderr together. */
  readonly outputBytes: number;
}

/** What a check varies to see whether a result depends on it; a build leaves all absent. */
export interface SandboxCircumstances {
  readonly hostName?: string;
  /** How many processors the processes see. */
  readonly cpus?: number;
  /** Added to the clock, where libfaketime can be had. */
  readonly clockSeconds?: number;
  /** In which order directories of the root are read, where disorderfs can be had. */
  readonly directoryOrder?: "reversed" | "shuffled";
}

/** A directory of the host that is seen inside, for trying an image out; never in a build. */
export interface SandboxMount {
  readonly source: string;
  /** Absolute path inside. */
  readonly target: string;
  readonly writable: boolean;
}

export interface SandboxCommand {
  /** The program by absolute path or by name in PATH, and its arguments. */
  readonly argv: readonly string[];
  /** Over the fixed environment (`fixedEnvironment`); of a session all of it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute; "/" where absent. */
  readonly cwd?: string;
  /** Bytes on standard input; empty where absent. */
  readonly input?: Uint8Array;
  /** By name: files at /run/secrets/NAME, 0400, in memory only. */
  readonly secrets?: Readonly<Record<string, Uint8Array>>;
}

export interface SandboxRun {
  /** The root file system; a value: the run never changes it. */
  readonly root: Tree;
  /**
   * Digest of an encoded tree in the store from which `root` differs little; kept checked out for the next
   * run. Absent: nothing is kept.
   */
  readonly near?: Digest;
  /** `linux/amd64`, ...: decides whether an emulator is needed. */
  readonly platform: string;
  readonly command: SandboxCommand;
  readonly limits: SandboxLimits;
  readonly circumstances?: SandboxCircumstances;
  /** Takes the contents that the run made. */
  readonly pack: PackWriter;
  /**
   * Of what changed only what lies at or below these absolute paths is captured (the outputs of a step); the
   * rest stays as it is in `root`. Absent: everything.
   */
  readonly capture?: readonly string[];
  /** Standard output and error as they come. */
  readonly onOutput?: (bytes: Uint8Array) => void;
  readonly signal?: AbortSignal;
}

export interface SandboxResult {
  /** 128 + signal number where a signal ended it. */
  readonly exitCode: number;
  /** The root after the run; `root` itself where the command failed. Times of changed entries are 0. */
  readonly tree: Tree;
  /** The last 64 KiB of what it wrote. */
  readonly log: Uint8Array;
}

/** An interactive run: the terminal is the caller's, and changes are thrown away. */
export interface SandboxSession {
  readonly root: Tree;
  readonly near?: Digest;
  readonly platform: string;
  readonly command: SandboxCommand;
  readonly mounts: readonly SandboxMount[];
  /** uid and gid of the first process; 0 and 0 where absent. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly signal?: AbortSignal;
}

/**
 * Runs commands in root file systems: without a network, with a fixed environment and host name, few
 * capabilities, and bounds. Nothing that runs inside can change the store.
 */
export interface Sandbox {
  readonly backend: SandboxBackend | "memory";
  readonly identity: "root" | "rootless";
  /**
   * Runs one command and captures what it changed. A command that fails is a result; throws
   * `SANDBOX_TIMEOUT`, `SANDBOX_MEMORY`, `SANDBOX_PROCESSES`, `SANDBOX_DISK`, `SANDBOX_OUTPUT`,
   * `SANDBOX_INTERRUPTED`, `SANDBOX_EMULATOR`, `SANDBOX_START`, `SANDBOX_CAPTURE`.
   */
  run(request: SandboxRun): Promise<SandboxResult>;
  /**
   * Runs a command on the caller's standard streams; its exit code. A working directory that is not there is
   * made. Throws `SANDBOX_MOUNT`, `SANDBOX_EMULATOR`, `SANDBOX_START`, `SANDBOX_INTERRUPTED`.
   */
  attach(session: SandboxSession): Promise<number>;
}
