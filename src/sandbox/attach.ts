// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { isatty } from "node:tty";

import type { Store } from "../store/index.ts";
import { emulatorFor } from "./emulator.ts";
import { type Identity, launch, type LaunchOptions } from "./launcher.ts";
import { makeLowers } from "./lowers.ts";
import type { ProcessPlan } from "./oci-config.ts";
import { planProcess } from "./process-plan.ts";
import { writeBackendFiles } from "./run-dir.ts";
import { runFiles, secretFiles } from "./run-files.ts";
import type { SandboxBackend, SandboxMount, SandboxSession } from "./sandbox.ts";
import { runError } from "./sandbox-error.ts";
import { writeSessionMounts } from "./session-mounts.ts";
import { treeLookup } from "./tree-lookup.ts";

export interface Attaching {
  readonly store: Store;
  readonly identity: Identity;
  readonly backend: SandboxBackend;
  /** The options of an overlay of these lower directories. */
  readonly overlay: (lowers: readonly string[]) => string;
}

/**
 * Runs a session in a run's directory, on the caller's standard streams; its exit code. The environment is the
 * session's own, not the fixed one of builds. Throws `SANDBOX_EMULATOR`, `SANDBOX_MOUNT`, `SANDBOX_START`,
 * `SANDBOX_INTERRUPTED`, and `SANDBOX_BACKEND` where another backend may do better.
 */
export async function attachIn(dir: string, session: SandboxSession, host: Attaching): Promise<number> {
  const { backend, identity, store } = host;
  const { root, near, command, user } = session;
  if (backend === "bwrap" && (user?.uid ?? 0) !== 0) {
    const hint = "install crun or runc, or run as root: --user 0";
    throw runError("START", command.argv, "bwrap runs programs as root only", { hint });
  }
  const emulation = emulatorFor(session.platform, store.tmpDir);
  const lowers = makeLowers({ store, dir, identity, root, near });
  writeSessionMounts({
    dir,
    root,
    mounts: [...session.mounts, ...hostsOf(dir, session)],
    cwd: command.cwd ?? "/",
  });
  const terminal = terminalSize();
  const plan = { ...planProcess(command, { user, terminal }), env: { ...emulation, ...command.env } };
  writeBackendFiles(dir, backend, plan);
  const options: LaunchOptions = {
    dir,
    identity,
    parameters: {
      BACKEND: backend,
      NEAR: lowers.near,
      OVERLAY: host.overlay(lowers.names),
      // The runtimes give the streams to the process's user: they must not be files of the caller.
      STREAMS: terminal !== undefined || (user?.uid ?? 0) === 0 ? "terminal" : "pipes",
      TMPFS: "size=50%",
      FILE_BLOCKS: "",
      NPROC: "",
    },
    captures: [],
    cgroups: [],
    argv: command.argv,
    runFiles: runFiles(secretFiles(command.secrets)),
    terminal: true,
  };
  return keepingTerminal(terminal !== undefined, () => follow(options, session));
}

/** Tells whether the program may lie on a mount, where only starting it shows whether it is there. */
export function mayBeMounted({ mounts, command }: SandboxSession): boolean {
  const [program = ""] = command.argv;
  const dirs = program.includes("/") ? [program] : (command.env?.["PATH"] ?? "").split(":");
  return mounts.some(({ target }) => dirs.some((dir) => `${dir}/`.startsWith(`${target}/`)));
}

/** The working directory if the root has it already; one that is made holds no program. */
export function knownCwd({ root, command: { cwd = "/" } }: SandboxSession): string {
  return treeLookup(root)(cwd)?.entry?.type === "dir" ? cwd : "/";
}

/** An image without /etc/hosts sees one, as in container engines: programs look "localhost" up there. */
function hostsOf(dir: string, { root, mounts }: SandboxSession): SandboxMount[] {
  const target = "/etc/hosts";
  const lookUp = treeLookup(root);
  const isFree = lookUp("/etc")?.entry?.type === "dir" && lookUp(target)?.entry === undefined;
  if (!isFree || mounts.some((mount) => `${target}/`.startsWith(`${mount.target}/`))) return [];
  const source = join(dir, "hosts");
  writeFileSync(source, "127.0.0.1\tlocalhost\n::1\tlocalhost\n", { mode: 0o644 });
  return [{ source, target, writable: false }];
}

async function follow(options: LaunchOptions, { command, signal }: SandboxSession): Promise<number> {
  const launched = launch(options);
  const onAbort = (): void => void launched.kill();
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  launched.archive.resume();
  try {
    const [control] = await Promise.all([text(launched.control), once(launched.process, "close")]);
    if (signal?.aborted === true) throw runError("INTERRUPTED", command.argv, "interrupted");
    return exitCodeIn(control, command.argv);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function exitCodeIn(control: string, argv: readonly string[]): number {
  const exit = /^exit (\d+)$/m.exec(control);
  const because = [...control.matchAll(/^log (.*)$/gm)].map((match) => match[1] as string);
  if (!control.startsWith("started")) {
    throw runError("START", argv, "the sandbox could not be made", {
      hint: "see docs/sandbox.md for what it needs",
    });
  }
  const code = Number(exit?.[1] ?? 1);
  if (exit !== null && (code === 0 || !because.some(isFault))) return code;
  throw runError("BACKEND", argv, "the sandbox could not start it", { because });
}

/** The runtimes also log what is none. */
function isFault(line: string): boolean {
  return line !== "" && !/level=(?:debug|info|warning)/.test(line);
}

/** Of the terminal that both standard input and output are. */
function terminalSize(): ProcessPlan["terminal"] {
  if (!isatty(0) || !isatty(1)) return undefined;
  const { rows = 24, columns = 80 } = process.stdout;
  return { rows, columns };
}

/**
 * Puts the terminal back as it was, also where the runtime that changed it was killed. A shell inside may have
 * left it to its own process group: whoever changes the settings from outside of it is stopped, unless it ignores that.
 */
async function keepingTerminal(terminal: boolean, work: () => Promise<number>): Promise<number> {
  const stty = (setting: string): string =>
    spawnSync("sh", ["-c", 'trap "" TTOU; exec stty "$1"', "stty", setting], {
      encoding: "utf8",
      stdio: ["inherit", "pipe", "ignore"],
    }).stdout;
  const before = terminal ? stty("-g").trim() : "";
  try {
    return await work();
  } finally {
    if (before !== "") stty(before);
  }
}
