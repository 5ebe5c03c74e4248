// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");

/** What makes two runs of one program differ. They enter in src/cli and travel as values. */
const hidden = new RegExp(
  [
    /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\.now\b/,
    /\bMath\.random\b|\brandom(Bytes|UUID|Int|FillSync)\b/,
    /\bprocess\.(env|cwd|hrtime|uptime|gete?[ug]id|p?pid|umask|platform|arch|versions?|memoryUsage|argv|title)\b/,
    /\b(hostname|homedir|userInfo|tmpdir|availableParallelism|networkInterfaces|cpus)\(/,
    /\blocaleCompare\b|\.toLocale\w+\(|\bIntl\.|\.get(Timezone\w+|FullYear|Month|Date|Day|Hours|Minutes)\(/,
  ]
    .map((pattern) => pattern.source)
    .join("|"),
  "g",
);

/** Each use outside of src/cli, and why it reaches no image, lock or digest. */
const allowed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "src/spec/seal-context.ts": { "Math.random": "is replaced by a function that throws, for specs" },
  "src/fetch/partial.ts": { "process.geteuid": "decides whether the rights of a shared download are ours to set" },
  "src/registry/file-writer.ts": { "process.pid": "names a temporary file that is renamed or removed" },
  "src/registry/layout-target.ts": { "process.geteuid": "decides whether another user's symlink is refused" },
  "src/registry/load-into.ts": { "process.pid": "names a temporary file that is removed" },
  "src/store/checkout-place.ts": { "process.pid": "names a directory that this process has open to what it starts" },
  "src/store/rights.ts": {
    "process.geteuid": "decides whether a store is refused as another user's",
    "process.getegid": "decides whether a store is refused as one that others may write to",
  },
  "src/store/layout.ts": { "process.pid": "names a temporary file that is renamed or removed" },
  "src/store/memory-store.ts": { "tmpdir(": "is where the store for tests keeps its temporary files" },
  "src/store/entry-meta.ts": {
    "process.geteuid": "decides whether owners can be set in a checkout",
    "process.getegid": "decides whether owners can be set in a checkout",
  },
  "src/store/remove-tree.ts": { "process.geteuid": "decides whether another user's files need help to be removed" },
  "src/sandbox/backend.ts": {
    "process.platform": "tells whether this is Linux at all",
    "process.geteuid": "decides between root and sub-ids; both give one result",
  },
  "src/sandbox/open-sandbox.ts": { "process.geteuid": "decides between root and sub-ids; both give one result" },
  "src/sandbox/circumstances.ts": { "process.arch": "finds the host's library for a check's clock" },
  "src/sandbox/emulator.ts": { "process.arch": "decides whether a platform needs an emulator" },
  "src/sandbox/run-command.ts": { "process.pid": "is that of the child that is watched" },
  "src/sandbox/run-dir.ts": {
    "process.pid": "names a temporary directory that is removed",
    "process.arch": "gives the numbers of the calls that are denied",
  },
  "src/sandbox/watch.ts": { "performance.now": "bounds the time of a run; a run that passes its bound has no result" },
};

test("clock, chance, environment, user, host and locale enter in src/cli only", () => {
  const files = globSync("src/**/*.ts", { cwd: root }).filter(
    (file) => !/^src\/cli\/|\.(test|contract)\.ts$|\/testing\/|\/fuzz\.ts$/.test(file),
  );
  assert.ok(files.length > 150, "the sources are where this test looks");
  const unknown: string[] = [];
  const listed = Object.entries(allowed);
  const unused = new Set(listed.flatMap(([file, uses]) => Object.keys(uses).map((use) => `${file}: ${use}`)));
  for (const file of files) {
    for (const line of codeOf(readFileSync(join(root, file), "utf8")).split("\n")) {
      for (const [use] of line.matchAll(hidden)) {
        if (allowed[file]?.[use] === undefined) unknown.push(`${file}: ${use}`);
        unused.delete(`${file}: ${use}`);
      }
    }
  }
  assert.deepEqual(unknown, [], "pass it as a value from src/cli");
  assert.deepEqual([...unused], [], "what is allowed is still there");
});

test("the scan sees what it looks for", () => {
  const seen = ["Date.now()", "new Date()", "process.env", "Math.random()", "os.hostname()", "a.localeCompare(b)"];
  for (const text of seen) assert.match(text, new RegExp(hidden.source));
  const pure = ["new Date(seconds * 1000)", "value.getUTCHours()"];
  for (const text of pure) assert.doesNotMatch(text, new RegExp(hidden.source));
});

/** Without comments: they may name what they replace. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}
