// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** `npm test [-- FILES]`: the checks of `npm run ok`, then every test of src and test (without test/long). */
function main(named: readonly string[]): void {
  const patterns = ["src/**/*.test.ts", "tools/**/*.test.ts", "test/*.test.ts", "test/crash/*.test.ts"];
  const files = named.length > 0 ? named : globSync(patterns, { cwd: root }).sort();
  const checks = named.length > 0 ? 0 : run([join(root, "tools/ok.ts")]);
  const tests = run(["--test", "--test-timeout=600000", `--test-concurrency=2`, ...files]);
  process.exitCode = checks === 0 && tests === 0 ? 0 : 1;
}

function run(args: readonly string[]): number {
  return (
    spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
      cwd: root,
      stdio: "inherit",
    }).status ?? 1
  );
}

main(process.argv.slice(2));
