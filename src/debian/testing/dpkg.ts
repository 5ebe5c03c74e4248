// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import type { TestContext } from "node:test";

/** Tells whether a tool of Debian is here; skips the test where it is not, but never in CI. */
export function hasTool(t: TestContext, name: string): boolean {
  if (spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0) return true;
  if (process.env["CI"] !== undefined) throw new Error(`${name} is missing, CI needs it`);
  t.skip(`needs ${name}`);
  return false;
}

/** Runs a tool and gives what it says. */
export function run(command: string, args: readonly string[], input?: string | Uint8Array): Buffer {
  return execFileSync(command, args, {
    input,
    maxBuffer: 1 << 30,
    env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC" },
  });
}

/** The sign that dpkg gives each pair of versions, by one shell for all. */
export function comparePairsByDpkg(pairs: readonly (readonly [string, string])[]): number[] {
  const script =
    'is() { dpkg --compare-versions "$@"; }; ' +
    'while read -r a b; do if is "$a" lt "$b"; then echo -1; elif is "$a" gt "$b"; then echo 1; else echo 0; fi; done';
  const input = pairs.map(([a, b]) => `${a} ${b}\n`).join("");
  return numbersOf(run("sh", ["-c", script], input));
}

/** As `comparePairsByDpkg`, by one perl with libdpkg-perl: fast enough for 100,000. */
export function comparePairsByPerl(pairs: readonly (readonly [string, string])[]): number[] {
  const script =
    'use Dpkg::Version; while (<STDIN>) { chomp; my ($a, $b) = split / /; print version_compare($a, $b), "\\n"; }';
  return numbersOf(run("perl", ["-e", script], pairs.map(([a, b]) => `${a} ${b}\n`).join("")));
}

function numbersOf(output: Buffer): number[] {
  return output.toString().trim().split("\n").map(Number);
}

/** Whether dpkg takes each text, one a line, as a version. */
export function validateByDpkg(texts: readonly string[]): boolean[] {
  const script =
    'while IFS= read -r a; do dpkg --validate-version "$a" 2>/dev/null && echo 1 || echo 0; done';
  return numbersOf(run("sh", ["-c", script], texts.map((text) => `${text}\n`).join(""))).map(
    (number) => number === 1,
  );
}
