// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { containersRoot } from "./containers-root.ts";

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
