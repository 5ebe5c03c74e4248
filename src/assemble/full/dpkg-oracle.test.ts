// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { isAshlarError } from "../../base/index.ts";
import { type OracleCase, unpackBoth } from "../testing/dpkg-oracle.ts";

/** Each case is unpacked by the machine's dpkg and by us, and then configured by dpkg: all has to be equal. */
const skip = skipReason();

function skipReason(): string | false {
  if (process.env["CI"]) return false;
  if (process.getuid?.() !== 0) return "needs root";
  return spawnSync("dpkg", ["--version"], { stdio: "ignore" }).status !== 0 && "needs dpkg";
}

const conffile = { files: { "etc/x": "old", "etc/k": "1" }, control: { conffiles: "/etc/x\n/etc/k\n" } };
const newer = { fields: { Replaces: "old" }, files: { "etc/x": "new" } };
const linked = {
  "usr/a": "1",
  "usr/b": { type: "hardlink", target: "usr/a" },
  "usr/c": { type: "hardlink", target: "usr/a" },
} as const;

const cases: Readonly<Record<string, OracleCase>> = {
  "fields, control files and modes of all kinds": {
    debs: {
      one: {
        files: {
          "usr/bin/one": { type: "file", content: "x", mode: 0o6755, uid: 3, gid: 4 },
          "lib/one/a": "b",
          "usr/share/empty": { type: "dir", mode: 0o700 },
          "var/d": { type: "dir", mode: 0o1777, uid: 5, gid: 6 },
          "etc/one.conf": "c",
        },
        control: {
          conffiles: "/etc/one.conf\n",
          "foo.bar": "x",
          shlibs: "a",
          templates: "t",
          isinstallable: "",
        },
        fields: {
          "Multi-Arch": "same",
          Essential: "yes",
          Section: "x",
          "Installed-Size": "12",
          Depends: "libx,  b |c (>=1)",
          Description: "short\n long\n .\n more",
          "X-Foo": "bar",
          Maintainer: "Jörg <j@example.org>",
        },
      },
    },
  },
  "a package without md5sums, whose links dpkg lists last": {
    debs: {
      one: {
        files: {
          "usr/bin/b": "x",
          "usr/bin/a": "y",
          "lib/l": { type: "symlink", target: "x" },
          "usr/h": { type: "hardlink", target: "usr/bin/a" },
          "etc/c": "conf",
        },
        control: { conffiles: "/etc/c\n" },
        noMd5: true,
      },
    },
  },
  "odd names of packages, versions and files": {
    debs: {
      "libx++1.0": {
        fields: { Version: "1:2~+b1" },
        files: { "usr/share/a b\tc": "x", "usr/share/ä": "y", "etc/c d": "z" },
        control: { conffiles: "/etc/c d  \n\n" },
      },
    },
  },
  "a package for all architectures on top of one for several": {
    below: { a: { fields: { "Multi-Arch": "same" }, files: { "usr/share/doc/a/copyright": "c" } } },
    debs: { b: { fields: { Architecture: "all", "Multi-Arch": "foreign" }, files: { "usr/share/b": "1" } } },
  },
  "a file that the package replaces": {
    below: { old: { files: { "usr/share/x": "old", "usr/share/y": "y" } } },
    debs: { neu: { fields: { Replaces: "old" }, files: { "usr/share/x": "new" } } },
  },
  "a file that an installed package replaces": {
    below: { neu: { fields: { Replaces: "old (<< 2)" }, files: { "usr/share/x": "new" } } },
    debs: { old: { files: { "usr/share/x": "old", "usr/share/y": "y" } } },
  },
  "a replaced file of packages that come together": {
    debs: {
      old: { files: { "usr/share/x": "old", "usr/share/y": "y" } },
      neu: { fields: { Replaces: "old" }, files: { "usr/share/x": "new" } },
    },
  },
  "the same in the other order": {
    debs: {
      neu: { fields: { Replaces: "old" }, files: { "usr/share/x": "new" } },
      old: { files: { "usr/share/x": "old", "usr/share/y": "y" } },
    },
  },
  "hard links to a file that is replaced": {
    below: { a: { files: linked } },
    debs: { b: { fields: { Replaces: "a" }, files: { "usr/a": "2" } } },
  },
  "hard links to a file that is replaced at once": {
    debs: { a: { files: linked }, b: { fields: { Replaces: "a" }, files: { "usr/a": "2" } } },
  },
  "a directory below a link to a directory": {
    below: {
      a: { files: { "usr/share/real/f": "1", "usr/share/link": { type: "symlink", target: "real" } } },
    },
    debs: {
      b: {
        files: {
          "usr/share/link/sub/g": "2",
          "usr/share/link/g2": "z",
          "usr/share/link/h": { type: "hardlink", target: "usr/share/link/g2" },
        },
      },
    },
  },
  "files, directories and links over what nobody owns": {
    prepare(root) {
      mkdirSync(join(root, "etc"));
      for (const path of ["usr/bin/one", "etc/one", "usr/x", "usr/f"])
        writeFileSync(join(root, path), "mine");
      for (const path of ["usr/d/e", "usr/g/h"]) mkdirSync(join(root, path), { recursive: true });
      writeFileSync(join(root, "usr/g/h/i"), "mine");
      symlinkSync("nowhere", join(root, "usr/y"));
    },
    debs: {
      one: {
        files: {
          "usr/bin/one": "1",
          "etc/one": "1",
          "usr/x/y": "2",
          "usr/y/z": "3",
          "usr/f": { type: "symlink", target: "x" },
          "usr/d": { type: "symlink", target: "x" },
          "usr/g": "4",
        },
        control: { conffiles: "/etc/one\n" },
      },
    },
  },
  "a directory over a file that the package replaces": {
    below: { a: { files: { "usr/x": "file", "usr/k": "1" } } },
    debs: { b: { fields: { Replaces: "a" }, files: { "usr/x/y": "1" } } },
  },
  "a directory that is there keeps its mode": {
    below: { a: { files: { "usr/a": "1", "var/x": { type: "dir" } } } },
    debs: { b: { files: { "var/x": { type: "dir", mode: 0o2775, gid: 8 } } } },
  },
  "diversions of another package, a local one, and one of a conffile": {
    below: { d: { files: { "usr/share/d": "1" } } },
    prepare(root) {
      const records = [
        "/usr/bin/one\n/usr/bin/one.distrib\nd",
        "/etc/one\n/etc/one.orig\nd",
        "/lib/z\n/lib/z.local\n:",
      ];
      writeFileSync(join(root, "var/lib/dpkg/diversions"), records.map((record) => `${record}\n`).join(""));
    },
    debs: {
      one: {
        files: {
          "usr/bin/one": "1",
          "usr/bin/two": { type: "hardlink", target: "usr/bin/one" },
          "etc/one": "c",
          "lib/z": "z",
        },
        control: { conffiles: "/etc/one\n" },
        noMd5: true,
      },
    },
  },
  "conffiles that are links, hard links, absent, or to be removed": {
    debs: {
      one: {
        files: {
          "etc/l": { type: "symlink", target: "x" },
          "etc/x": "1",
          "etc/y": { type: "hardlink", target: "etc/x" },
          "etc/z": { type: "hardlink", target: "etc/x" },
          "etc/n": "2",
          "etc/o": { type: "hardlink", target: "etc/n" },
        },
        control: { conffiles: "/etc/l\n/etc/x\n/etc/y\n/etc/o\n/etc/nope\nremove-on-upgrade /etc/gone\n" },
      },
    },
  },
  "a conffile taken over as a conffile": {
    below: { old: conffile },
    debs: { neu: { ...newer, control: { conffiles: "/etc/x\n" } } },
  },
  "a conffile taken over at once": {
    debs: { old: conffile, neu: { ...newer, control: { conffiles: "/etc/x\n" } } },
  },
  "a conffile that was taken over before": {
    debs: { neu: { ...newer, control: { conffiles: "/etc/x\n" } }, old: conffile },
  },
  "a conffile taken over as a plain file": { below: { old: conffile }, debs: { neu: newer } },
};

for (const [title, one] of Object.entries(cases)) {
  test(`unpackWave leaves what dpkg --unpack leaves: ${title}`, { skip }, async () => {
    const { ours, theirs, configured } = await unpackBoth(one);
    assert.deepEqual(ours, theirs);
    assert.deepEqual(configured.ours, configured.theirs);
    assert.ok(configured.theirs.some((line) => line.includes('"install ok installed"')));
  });
}

test(
  "unpackWave activates triggers so that dpkg --configure ends where it does after dpkg --unpack",
  { skip },
  async () => {
    const interested = "interest /usr/share/man\ninterest-noawait /lib\ninterest foo\n";
    const { ours, theirs, configured } = await unpackBoth({
      below: {
        t: {
          control: { triggers: interested },
          fields: { "Multi-Arch": "same" },
          files: { "usr/share/t": "1" },
        },
      },
      debs: {
        u: {
          files: { "usr/share/man/x": "1", "lib/q": "2" },
          control: { triggers: "activate foo\nactivate-noawait bar\ninterest-await /opt\ninterest baz\n" },
        },
      },
    });
    const waits = /Triggers-(Pending|Awaited)|Unincorp|status t:amd64 Status/;
    const without = (lines: readonly string[]): string[] => lines.filter((line) => !waits.test(line));
    assert.deepEqual(without(ours), without(theirs));
    const pending = /status t:amd64 Triggers-Pending: "(.*)"/.exec(theirs.join("\n"))?.[1]?.split(" ").sort();
    const [unincorporated] = ours.filter((line) => line.includes("Unincorp"));
    const activated = (JSON.parse(/"[^"]*"$/.exec(unincorporated ?? "")?.[0] ?? '""') as string)
      .trimEnd()
      .split("\n");
    assert.deepEqual(
      activated.map((line) => line.split(" ")[0]),
      pending,
    );
    assert.deepEqual(configured.ours, configured.theirs);
  },
);

const refused: Readonly<Record<string, OracleCase>> = {
  "a file of another package": {
    below: { a: { files: { "usr/x": "1" } } },
    debs: { b: { files: { "usr/x": "2" } } },
  },
  "a conffile of another package": {
    below: { old: conffile },
    debs: { neu: { ...newer, fields: {}, control: { conffiles: "/etc/x\n" } } },
  },
  "a file of a package that comes along": { debs: { old: conffile, neu: { ...newer, fields: {} } } },
  "a directory of another package": {
    below: { a: { files: { "usr/x/y": "1" } } },
    debs: { b: { files: { "usr/x": "2" } } },
  },
  "a file name of two lines": { debs: { a: { files: { "usr/a\nb": "1" } } } },
};

for (const [title, one] of Object.entries(refused)) {
  test(`unpackWave refuses what dpkg --unpack refuses: ${title}`, { skip }, async () => {
    const both = unpackBoth(one, { dpkgRefuses: true });
    await assert.rejects(both, (error) => isAshlarError(error) && /^ASSEMBLE_/.test(error.code));
  });
}
