// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { parseElf } from "../formats/index.ts";
import { chooseEmulator, type EmulatorHost } from "./choose-emulator.ts";
import { emulatorFor, readBinfmt } from "./emulator.ts";
import { probeExitCode, probeProgram } from "./probe-program.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-emulator-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const magic =
  "offset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";
const path = "/usr/libexec/qemu-binfmt/aarch64-binfmt-P";

/** A machine of amd64 whose binfmt_misc shows these files; undefined: it is not mounted. */
function host(files: Readonly<Record<string, string>> | undefined, runs: boolean): EmulatorHost {
  const place = mkdtempSync(join(dir, "binfmt-"));
  for (const [name, text] of Object.entries(files ?? {})) writeFileSync(join(place, name), text);
  return { architecture: "amd64", runs: () => runs, binfmt: () => readBinfmt(place) };
}

function handler(flags: string, state = "enabled"): Record<string, string> {
  return {
    status: "enabled\n",
    register: "",
    "qemu-aarch64": `${state}\ninterpreter ${path}\nflags: ${flags}\n${magic}`,
  };
}

function faultOf(files: Readonly<Record<string, string>> | undefined, runs = false): string {
  try {
    chooseEmulator("linux/arm64", host(files, runs));
  } catch (error) {
    assert.ok(isAshlarError(error, "SANDBOX_EMULATOR"));
    return `${error.message}\n${error.hint}`;
  }
  throw new Error("nothing was thrown");
}

test("chooseEmulator asks nothing for the host's own architecture", () => {
  const never = (): never => assert.fail("asked");
  const own = { architecture: "arm64", runs: never, binfmt: never };
  assert.deepEqual(chooseEmulator("linux/arm64", own), {});
  assert.deepEqual(chooseEmulator("linux/arm64/v8", own), {});
  assert.deepEqual(chooseEmulator("linux/arm/v7", { ...own, architecture: "arm" }), {});
});

test("chooseEmulator takes what runs: a handler with flag F, one that is not to be seen, and 386 on amd64", () => {
  assert.deepEqual(chooseEmulator("linux/arm64", host(handler("OCPF"), true)), { QEMU_CPU: "cortex-a72" });
  assert.deepEqual(chooseEmulator("linux/arm64", host(undefined, true)), { QEMU_CPU: "cortex-a72" });
  assert.deepEqual(chooseEmulator("linux/386", host(handler("PF"), true)), {});
});

test("chooseEmulator says what is missing, what to type, and that unpack needs none", () => {
  assert.match(
    faultOf(undefined),
    /linux\/arm64: this host is linux\/amd64, and .*binfmt_misc is not mounted/,
  );
  assert.match(faultOf(undefined), /apt install qemu-user-static binfmt-support && mount -t binfmt_misc/);
  assert.match(faultOf(undefined), /--enable qemu-aarch64\n.*`install: unpack`/);
  assert.match(faultOf({ status: "disabled\n" }), /binfmt_misc is switched off/);
  assert.match(faultOf({ status: "enabled\n" }), /binfmt_misc has no handler for it/);
  assert.match(faultOf({ ...handler("PF"), "qemu-aarch64": "garbage" }), /binfmt_misc has no handler for it/);
  assert.match(faultOf(handler("PF", "disabled")), /"qemu-aarch64" of binfmt_misc is switched off/);
  assert.match(faultOf(handler("PF")), /aarch64-binfmt-P, which does not run a program of it/);
});

test("chooseEmulator refuses a handler whose program would have to be inside, unless another has flag F", () => {
  assert.match(faultOf(handler("OC"), true), /no flag F: .*aarch64-binfmt-P would have to be inside/);
  const other = { other: `enabled\ninterpreter /x\nflags: F\n${magic}` };
  assert.deepEqual(chooseEmulator("linux/arm64", host({ ...handler("OC"), ...other }, true)), {
    QEMU_CPU: "cortex-a72",
  });
});

test("chooseEmulator knows nothing about an architecture without a program", () => {
  const never = (): never => assert.fail("asked");
  for (const platform of ["linux/sparc64", "linux", "", "linux/__proto__", "linux/constructor"]) {
    assert.throws(
      () => chooseEmulator(platform, { architecture: "amd64", runs: never, binfmt: never }),
      (error) => isAshlarError(error, "SANDBOX_EMULATOR") && /nothing is known/.test(error.message),
    );
  }
});

test("probeProgram makes ELF programs of their architectures", () => {
  const machines = { "386": 3, amd64: 62, arm: 40, arm64: 183, ppc64le: 21, riscv64: 243, s390x: 22 };
  for (const [architecture, machine] of Object.entries(machines)) {
    const elf = parseElf(probeProgram(architecture) ?? new Uint8Array());
    assert.equal(elf?.machine, machine, architecture);
    assert.equal(elf?.type, "exec");
  }
});

/** By architecture: qemu's word for it. */
const qemus = { "386": "i386", amd64: "x86_64", arm: "arm", arm64: "aarch64", loong64: "loongarch64" };
const moreQemus = { mips64le: "mips64el", ppc64le: "ppc64le", riscv64: "riscv64", s390x: "s390x" };

for (const [architecture, name] of Object.entries({ ...qemus, ...moreQemus })) {
  const qemu = `/usr/bin/qemu-${name}-static`;
  const skip = !process.env["CI"] && !existsSync(qemu) && `needs ${qemu} (qemu-user-static)`;
  test(`probeProgram of ${architecture} ends as it should under qemu`, { skip }, () => {
    const file = join(dir, architecture);
    writeFileSync(file, probeProgram(architecture) ?? "", { mode: 0o700 });
    assert.equal(spawnSync(qemu, [file]).status, probeExitCode);
  });
}

test("emulatorFor finds that this host runs its own programs, and says so of others or why not", () => {
  const own = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
  assert.deepEqual(emulatorFor(own, dir), {});
  mkdirSync(join(dir, "tmp"));
  try {
    const found = emulatorFor("linux/s390x", join(dir, "tmp"));
    assert.deepEqual(found, {});
  } catch (error) {
    assert.ok(isAshlarError(error, "SANDBOX_EMULATOR"));
    assert.match(error.hint ?? "", /qemu-s390x|binfmt_misc/);
  }
});
