// SPDX-License-Identifier: Apache-2.0
import type { Json } from "../base/index.ts";
import { openFiles } from "./open-files.ts";

/** What the first process of a run is. */
export interface ProcessPlan {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly hostName: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** It has a terminal, of this size. */
  readonly terminal?: { readonly rows: number; readonly columns: number } | undefined;
  /** What a process may raise its limit of open files to. */
  readonly openFilesMax: number;
  /** Absolute paths of /proc that this kernel has: to be read only, and not even that. */
  readonly readonlyPaths: readonly string[];
  readonly maskedPaths: readonly { readonly path: string; readonly kind: "file" | "dir" }[];
}

/**
 * The capabilities of a run's root: what installing and configuring packages takes (owners, modes, users,
 * chroot), and nothing that reaches beyond its own file system.
 */
export const capabilities = [
  "CAP_AUDIT_WRITE",
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
] as const;

/**
 * The configuration for crun and runc (OCI runtime-spec 1.0.2, config.md). Everything but /proc is mounted below
 * the root already. `noNewPrivileges` is on because bwrap cannot do without: who runs is root, so what setuid
 * programs are for is not needed, and one backend must not allow what another forbids.
 */
export function ociConfig(plan: ProcessPlan, seccomp: Json): Json {
  const { terminal } = plan;
  const bounding = [...capabilities];
  const caps = plan.uid === 0 ? bounding : [];
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: terminal !== undefined,
      ...(terminal !== undefined && { consoleSize: { height: terminal.rows, width: terminal.columns } }),
      user: { uid: plan.uid, gid: plan.gid, umask: 0o022, additionalGids: [...plan.groups] },
      args: [...plan.argv],
      env: Object.entries(plan.env).map(([name, value]) => `${name}=${value}`),
      cwd: plan.cwd,
      capabilities: { bounding, effective: caps, permitted: caps, inheritable: [], ambient: [] },
      noNewPrivileges: true,
      rlimits: [{ type: "RLIMIT_NOFILE", soft: openFiles, hard: plan.openFilesMax }],
    },
    root: { path: "root", readonly: false },
    hostname: plan.hostName,
    mounts: [{ destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] }],
    linux: {
      namespaces: ["pid", "ipc", "uts", "mount", "network"].map((type) => ({ type })),
      maskedPaths: plan.maskedPaths.map(({ path }) => path),
      readonlyPaths: [...plan.readonlyPaths],
      seccomp,
    },
  };
}
