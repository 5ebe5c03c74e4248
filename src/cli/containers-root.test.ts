// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { freshDirs } from "../store/testing/fresh-dir.ts";
import { containersHost, containersRoot } from "./containers-root.ts";

const freshDir = freshDirs();
const rootText = '[storage]\ndriver = "overlay"\n# graphroot = "/no"\ngraphroot = "/big/images"\n';
const rootlessText = "[storage]\nrootless_storage_path = '/data/$USER/$UID/${HOME}'\ngraphroot = '/not/theirs'\n";

type Texts = Readonly<Record<string, string>>;

const cases: readonly [what: string, uid: number, env: Texts, files: Texts, want: string][] = [
  ["root's usual place", 0, { HOME: "/root" }, {}, "/var/lib/containers/storage"],
  ["root's storage.conf", 0, {}, { "/etc/containers/storage.conf": rootText }, "/big/images"],
  ["the distribution's", 0, {}, { "/usr/share/containers/storage.conf": rootText }, "/big/images"],
  ["a file that the environment names", 0, { CONTAINERS_STORAGE_CONF: "/s" }, { "/s": rootText }, "/big/images"],
  ["a user's usual place", 1000, { HOME: "/home/u" }, {}, "/home/u/.local/share/containers/storage"],
  ["a user's data directory", 7, { HOME: "/h", XDG_DATA_HOME: "/data" }, {}, "/data/containers/storage"],
  ["a user's own file", 7, { HOME: "/h" }, { "/h/.config/containers/storage.conf": rootText }, "/big/images"],
  [
    "the system's rule for users",
    7,
    { HOME: "/h", USER: "u" },
    { "/etc/containers/storage.conf": rootlessText },
    "/data/u/7//h",
  ],
  [
    "a user's usual place where the file is for root",
    7,
    { HOME: "/h" },
    { "/etc/containers/storage.conf": rootText },
    "/h/.local/share/containers/storage",
  ],
];

for (const [what, uid, env, files, want] of cases) {
  test(`containersRoot finds ${what}`, () => {
    assert.equal(containersRoot({ uid, env, readText: (path) => files[path] }), want);
  });
}

test("containersRoot passes over files that are not there, and says which one cannot be read", () => {
  const dir = freshDir();
  mkdirSync(join(dir, "directory"), { recursive: true });
  writeFileSync(join(dir, "file"), rootText);
  symlinkSync("loop", join(dir, "loop"));
  writeFileSync(join(dir, "locked"), rootText, { mode: 0 });
  const find = (name: string): string => {
    const env = { HOME: dir, CONTAINERS_STORAGE_CONF: join(dir, name) };
    const { readText } = containersHost(env);
    // Of the host's own files none counts here.
    return containersRoot({ env, uid: 7, readText: (path) => (path.startsWith(dir) ? readText(path) : undefined) });
  };
  assert.equal(find("file"), "/big/images");
  for (const name of ["absent", "file/absent"]) assert.equal(find(name), join(dir, ".local/share/containers/storage"));
  const unreadable = ["directory", "loop", ...(process.getuid?.() === 0 ? [] : ["locked"])];
  for (const name of unreadable) {
    const says = (error: unknown): boolean =>
      isAshlarError(error, "REGISTRY_STORAGE") && error.message.includes(`"${join(dir, name)}" cannot be read (E`);
    assert.throws(() => find(name), says, name);
  }
});
