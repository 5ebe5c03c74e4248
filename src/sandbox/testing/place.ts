// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { isAshlarError } from "../../base/index.ts";
import { loadCompressor } from "../../formats/index.ts";
import { openStore, type Store } from "../../store/index.ts";
import { busyboxPath } from "./host-root.ts";

/** The platform whose programs the host runs by itself. */
export const platform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";

/** Tells whether an error is ours and of this code. */
export function hasCode(code: string): (error: unknown) => boolean {
  return (error) => isAshlarError(error, code);
}

/** Why tests with these programs cannot run, for `skip`; false where they can. In CI they run, or fail. */
export function missing(...programs: string[]): string | false {
  if (process.env["CI"]) return false;
  if (process.geteuid?.() !== 0) return "needs root";
  if (busyboxPath === undefined) return "needs busybox-static";
  const absent = programs.filter((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0);
  return absent.length > 0 && `needs ${absent.join(", ")}`;
}

/** A store that goes when the tests of the file are done. */
export async function freshStore(): Promise<Store> {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-test-"));
  const store = openStore(join(dir, "store"), { compressor: await loadCompressor() });
  after(() => {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return store;
}

export interface Ended {
  readonly status: number | null;
  readonly text: string;
}

const nobody = 65534;

/**
 * Runs a program as nobody, who has sub-ids only for it: /etc/subuid is another file in a private namespace of
 * mounts. Its HOME is empty, and is removed afterwards.
 */
export function asNobody(argv: readonly string[], env: Readonly<Record<string, string>>): Ended {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-rootless-"));
  const home = join(dir, "home");
  mkdirSync(home);
  writeFileSync(join(dir, "subid"), "nobody:1000000000:65536\n");
  for (const path of [dir, home]) chownSync(path, nobody, nobody);
  const script = `mount --bind "$0/subid" /etc/subuid && mount --bind "$0/subid" /etc/subgid &&
    exec setpriv --reuid ${nobody} --regid ${nobody} --clear-groups "$@"`;
  try {
    const { status, stdout, stderr } = spawnSync("unshare", ["--mount", "sh", "-c", script, dir, ...argv], {
      env: { PATH: process.env["PATH"], ...env, HOME: home, TMPDIR: home },
      cwd: dir,
      encoding: "utf8",
      timeout: 300_000,
      killSignal: "SIGKILL",
      maxBuffer: 1 << 28,
    });
    return { status, text: stdout + stderr };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
