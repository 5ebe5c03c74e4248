// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, readFileSync } from "node:fs";

import { AshlarError } from "../base/index.ts";
import { fixedEnvironment } from "./environment.ts";
import type { Identity } from "./launcher.ts";
import type { SandboxBackend } from "./sandbox.ts";

/** In the order of preference. */
const backends: readonly SandboxBackend[] = ["crun", "runc", "bwrap"];

const packages: Readonly<Record<string, string>> = {
  bwrap: "bubblewrap",
  newuidmap: "uidmap",
  newgidmap: "uidmap",
  setpriv: "util-linux",
  unshare: "util-linux",
  setarch: "util-linux",
  mount: "mount",
};

/**
 * The backends that are installed, the preferred first; only `wanted` where it is given. Throws
 * `SANDBOX_UNAVAILABLE` with what is missing for each.
 */
export function findBackends(identity: Identity, wanted?: SandboxBackend): SandboxBackend[] {
  const asked = wanted === undefined ? backends : [wanted];
  const found = asked.filter((name) => hasProgram(name));
  const because = [...commonFaults(identity)];
  if (found.length === 0) because.unshift(...asked.map((name) => `${name} is not installed`));
  if (because.length === 0) return found;
  throw unavailable(because, missingPackages(identity, found.length === 0 ? asked : []));
}

/** No backend works on this host; `because` says why not, one by one. */
export function unavailable(because: readonly string[], install: readonly string[] = []): AshlarError {
  const first = install.length === 0 ? "see docs/sandbox.md" : `run: apt install ${install.join(" ")}`;
  return new AshlarError("SANDBOX_UNAVAILABLE", "Cannot run commands: this host has no sandbox that works", {
    hint: `${first}; \`install: unpack\` needs none`,
    because,
  });
}

const commonPrograms = ["setpriv", "unshare", "setarch", "mount", "tar", "sh"];
const rootlessPrograms = ["newuidmap", "newgidmap"];

function programsFor(identity: Identity): readonly string[] {
  return identity === "root" ? commonPrograms : [...commonPrograms, ...rootlessPrograms];
}

function* commonFaults(identity: Identity): Iterable<string> {
  if (process.platform !== "linux") yield "this is not Linux";
  for (const name of programsFor(identity)) if (!hasProgram(name)) yield `${name} is not installed`;
  if (identity === "root") return;
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    if (!hasRange(file)) yield `${file} gives this user no range of 65536 numbers`;
  }
}

function missingPackages(identity: Identity, asked: readonly SandboxBackend[]): string[] {
  const missing = programsFor(identity).filter((name) => !hasProgram(name));
  const first = asked[0] === undefined ? [] : [asked[0]];
  return [...new Set([...first, ...missing].map((name) => packages[name] ?? name))];
}

function hasProgram(name: string): boolean {
  return (fixedEnvironment["PATH"] as string).split(":").some((dir) => isExecutable(`${dir}/${name}`));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** subuid(5): `NAME-OR-UID:FIRST:COUNT`; 65536 numbers hold all users of Debian, nobody's 65534 among them. */
function hasRange(file: string): boolean {
  const uid = process.geteuid?.() ?? 0;
  const names = [`${uid}`, nameOfUser(uid)];
  return readIfThere(file).some((line) => {
    const [name, , count] = line.split(":");
    return names.includes(name) && Number(count) >= 65_536;
  });
}

function nameOfUser(uid: number): string | undefined {
  const line = readIfThere("/etc/passwd").find((one) => one.split(":")[2] === `${uid}`);
  return line?.split(":")[0];
}

function readIfThere(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
