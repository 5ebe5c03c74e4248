// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isAshlarError, isSystemError } from "../base/index.ts";
import { type BinfmtEntry, parseBinfmtEntry } from "./binfmt.ts";
import { type BinfmtHandlers, chooseEmulator, type EmulatorHost } from "./choose-emulator.ts";
import { probeExitCode } from "./probe-program.ts";

/** What was found out, which stays while the process lives. */
const known = new Map<string, Readonly<Record<string, string>>>();

/**
 * The variables that programs of a platform need on this host; none where it runs them by itself. `tmpDir` is
 * where programs can be executed. Throws `SANDBOX_EMULATOR`.
 */
export function emulatorFor(platform: string, tmpDir: string): Readonly<Record<string, string>> {
  const before = known.get(platform);
  if (before !== undefined) return before;
  const found = chooseEmulator(platform, thisHost(tmpDir));
  known.set(platform, found);
  return found;
}

/** Where Node's word for an architecture is not OCI's. */
const architectures: Readonly<Record<string, string>> = { ia32: "386", ppc64: "ppc64le", x64: "amd64" };

function thisHost(tmpDir: string): EmulatorHost {
  return {
    architecture: architectures[process.arch] ?? process.arch,
    runs: (program) => runs(program, tmpDir),
    binfmt: () => readBinfmt("/proc/sys/fs/binfmt_misc"),
  };
}

function runs(program: Uint8Array, tmpDir: string): boolean {
  const dir = mkdtempSync(join(tmpDir, "probe-"));
  try {
    const file = join(dir, "program");
    writeFileSync(file, program, { mode: 0o700 });
    for (let attempt = 0; attempt < 10; attempt++) {
      const { status, error } = spawnSync(file, { stdio: "ignore", timeout: 10_000, env: {} });
      // A process forked by another thread had the file open for writing until it executed something itself.
      if (!isSystemError(error, "ETXTBSY")) return status === probeExitCode;
    }
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The handlers in a directory as binfmt_misc shows them; one that is not understood is left out. */
export function readBinfmt(dir: string): BinfmtHandlers | undefined {
  const status = readText(join(dir, "status"));
  if (status === undefined) return undefined;
  const entries = new Map<string, BinfmtEntry>();
  for (const name of readdirSync(dir)) {
    if (name === "status" || name === "register") continue;
    const entry = readEntry(join(dir, name));
    if (entry !== undefined) entries.set(name, entry);
  }
  return { enabled: status.trim() === "enabled", entries };
}

function readEntry(path: string): BinfmtEntry | undefined {
  try {
    const text = readText(path);
    return text === undefined ? undefined : parseBinfmtEntry(text);
  } catch (error) {
    if (isAshlarError(error, "SANDBOX_BINFMT")) return undefined;
    throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EACCES", "EISDIR")) return undefined;
    throw error;
  }
}
