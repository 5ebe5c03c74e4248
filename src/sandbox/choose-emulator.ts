// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { type BinfmtEntry, fitsBinfmt } from "./binfmt.ts";
import { probeProgram } from "./probe-program.ts";

/** What running programs of other architectures depends on. */
export interface EmulatorHost {
  /** In OCI's words, e.g. "amd64". */
  readonly architecture: string;
  /** Runs a program (`probeProgram`) and tells whether it ended as it should. */
  runs(program: Uint8Array): boolean;
  /** The handlers of binfmt_misc by name; undefined where it is not to be seen. */
  binfmt(): BinfmtHandlers | undefined;
}

export interface BinfmtHandlers {
  /** The switch of all of them. */
  readonly enabled: boolean;
  readonly entries: ReadonlyMap<string, BinfmtEntry>;
}

/**
 * The processor that qemu gives the programs: Debian's baseline for the architecture. qemu's own choice ("max")
 * is another with each release, and signs every return address with a cipher in software, which makes shell and
 * perl ten times slower. (docs/architectures.md)
 */
const environments: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  arm64: { QEMU_CPU: "cortex-a72" },
};

/**
 * The variables that programs of a platform need on a host; none where it runs them by itself. Whether it does
 * is found by trying, since handlers can be at work that are not to be seen from inside a container. Throws
 * `SANDBOX_EMULATOR` with what is missing.
 */
export function chooseEmulator(platform: string, host: EmulatorHost): Readonly<Record<string, string>> {
  const architecture = platform.split("/")[1] ?? "";
  if (architecture === host.architecture) return {};
  const program = probeProgram(architecture);
  if (program === undefined) throw noEmulator(platform, host, "nothing is known about it", undefined);
  if (!host.runs(program)) {
    const { fault, hint } = explain(architecture, program, host);
    throw noEmulator(platform, host, fault, hint);
  }
  verifyFixed(platform, program, host);
  return environments[architecture] ?? {};
}

/** A handler whose program is not open yet is looked up inside the root, where it is not. */
function verifyFixed(platform: string, program: Uint8Array, host: EmulatorHost): void {
  const fitting = fittingEntries(host.binfmt(), program).filter(([, entry]) => entry.enabled);
  const loose = fitting.find(([, entry]) => !entry.fixed);
  if (loose === undefined || fitting.some(([, entry]) => entry.fixed)) return;
  const [name, { interpreter }] = loose;
  const fault = `handler "${name}" of binfmt_misc has no flag F: ${interpreter} would have to be inside the image`;
  throw noEmulator(platform, host, fault, "apt install qemu-user-static binfmt-support (it sets the flag)");
}

function fittingEntries(
  handlers: BinfmtHandlers | undefined,
  program: Uint8Array,
): readonly (readonly [string, BinfmtEntry])[] {
  return [...(handlers?.entries ?? [])].filter(([, entry]) => fitsBinfmt(entry, program));
}

interface Explanation {
  readonly fault: string;
  readonly hint: string;
}

const install = "apt install qemu-user-static binfmt-support";
const mount = "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc";

/** Why a program did not run, and what to type as root. */
function explain(architecture: string, program: Uint8Array, host: EmulatorHost): Explanation {
  const handlers = host.binfmt();
  const enable = `update-binfmts --enable qemu-${qemuNames[architecture] ?? architecture}`;
  if (handlers === undefined) {
    const fault = "no handler for it is at work, and binfmt_misc is not mounted";
    return { fault, hint: `${install} && ${mount}; ${enable}` };
  }
  if (!handlers.enabled) {
    return { fault: "binfmt_misc is switched off", hint: "echo 1 >/proc/sys/fs/binfmt_misc/status" };
  }
  const fitting = fittingEntries(handlers, program);
  const [first] = fitting;
  if (first === undefined) {
    return { fault: "binfmt_misc has no handler for it", hint: `${install}; ${enable}` };
  }
  const on = fitting.find(([, entry]) => entry.enabled);
  if (on === undefined) {
    const [name] = first;
    const hint = `echo 1 >/proc/sys/fs/binfmt_misc/${name}`;
    return { fault: `handler "${name}" of binfmt_misc is switched off`, hint };
  }
  const [name, { interpreter }] = on;
  const fault = `handler "${name}" of binfmt_misc has ${interpreter}, which does not run a program of it`;
  return { fault, hint: `apt install --reinstall qemu-user-static binfmt-support; ${enable}` };
}

/** Where qemu's word for an architecture is not OCI's. */
const qemuNames: Readonly<Record<string, string>> = {
  "386": "i386",
  amd64: "x86_64",
  arm64: "aarch64",
  loong64: "loongarch64",
  mips64le: "mips64el",
};

function noEmulator(
  platform: string,
  host: EmulatorHost,
  fault: string,
  command: string | undefined,
): AshlarError {
  const own = `linux/${host.architecture}`;
  const message = `Cannot run programs of ${platform}: this host is ${own}, and ${fault}`;
  const because = ["maintainer scripts, steps, `ashlar run` and `ashlar shell` run programs of the image"];
  const other = `use \`install: unpack\`, which runs none, or a host of ${platform}`;
  return new AshlarError("SANDBOX_EMULATOR", message, {
    because,
    hint: command === undefined ? other : `as root: ${command}\nor ${other}`,
  });
}
