// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, type ImagePath, parsePath } from "../base/index.ts";
import { type Entry, makeTree, type Tree } from "../formats/index.ts";
import { applyUpper } from "./apply-upper.ts";
import type { Upper } from "./upper.ts";

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 7 };

function dir(path: string, more: object = {}): Entry {
  return { ...meta, type: "dir", path: parsePath(path), ...more, mode: 0o755 };
}

function file(path: string, text: string, more: object = {}): Entry {
  const content = digestOf(Buffer.from(text));
  return { ...meta, type: "file", path: parsePath(path), content, sizeBytes: text.length, ...more };
}

function link(path: string, target: string, more: object = {}): Entry {
  return { ...meta, type: "hardlink", path: parsePath(path), target: parsePath(target), ...more };
}

function symlink(path: string, target: string): Entry {
  return { ...meta, type: "symlink", path: parsePath(path), target, mode: 0o777 };
}

/** What is in an upper directory has time 0; a name with "-" in front is gone, one with "!" is opaque. */
function upper(entries: readonly Entry[], marks: readonly string[] = []): Upper {
  const marked = (mark: string): Set<ImagePath> =>
    new Set(marks.filter((text) => text.startsWith(mark)).map((text) => parsePath(text.slice(1))));
  const now = entries.map((entry) => [entry.path, { ...entry, mtimeSeconds: 0 }] as const);
  return { entries: new Map(now), whiteouts: marked("-"), opaque: marked("!") };
}

/** A tree as text: a line for each path, with content's first letters or target, and the time. */
function show(tree: Tree): string[] {
  return tree.map((entry) => {
    const { path, type, mtimeSeconds } = entry;
    const what = entry.type === "file" ? entry.content.slice(7, 11) : "target" in entry ? entry.target : "";
    return `${path} ${type} ${what} ${mtimeSeconds}`.replace("  ", " ");
  });
}

const ab = "fb8e";
const xy = "769a";

test("the contents of these tests are named as expected", () => {
  assert.equal(digestOf(Buffer.from("ab")).slice(7, 11), ab);
  assert.equal(digestOf(Buffer.from("xy")).slice(7, 11), xy);
});

interface Case {
  readonly title: string;
  readonly lower: readonly Entry[];
  readonly upper: Upper;
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  {
    title: "an empty upper changes nothing",
    lower: [dir("d"), file("d/f", "ab")],
    upper: upper([]),
    want: ["d dir 7", `d/f file ${ab} 7`],
  },
  {
    title: "a new file has time 0, its directory that was copied up keeps its own",
    lower: [dir("d")],
    upper: upper([dir("d"), file("d/f", "ab")]),
    want: ["d dir 7", `d/f file ${ab} 0`],
  },
  {
    title: "a file that was copied up for nothing stays as it was",
    lower: [file("f", "ab")],
    upper: upper([file("f", "ab")]),
    want: [`f file ${ab} 7`],
  },
  {
    title: "a change of mode, owner or attributes is a change",
    lower: [file("f", "ab"), file("g", "ab"), file("h", "ab")],
    upper: upper([
      file("f", "ab", { mode: 0o600 }),
      file("g", "ab", { uid: 5 }),
      file("h", "ab", { xattrs: { "user.a": "YQ==" } }),
    ]),
    want: [`f file ${ab} 0`, `g file ${ab} 0`, `h file ${ab} 0`],
  },
  {
    title: "a whiteout takes a directory away with what is below, and not its neighbours",
    lower: [
      dir("d"),
      file("d-x", "ab"),
      file("d/f", "ab"),
      dir("d/g"),
      file("d/g/h", "ab"),
      file("dx", "ab"),
    ],
    upper: upper([], ["-d"]),
    want: [`d-x file ${ab} 7`, `dx file ${ab} 7`],
  },
  {
    title: "an opaque directory holds only what the upper has",
    lower: [dir("d"), file("d/f", "ab"), dir("d/g"), file("d/g/h", "ab")],
    upper: upper([dir("d"), file("d/n", "xy")], ["!d"]),
    want: ["d dir 7", `d/n file ${xy} 0`],
  },
  {
    title: "a file made again below an opaque directory as it was keeps its time",
    lower: [dir("d"), file("d/f", "ab")],
    upper: upper([dir("d"), file("d/f", "ab")], ["!d"]),
    want: ["d dir 7", `d/f file ${ab} 7`],
  },
  {
    title: "a file over a directory takes away what was below",
    lower: [dir("d"), file("d/f", "ab")],
    upper: upper([file("d", "xy")]),
    want: [`d file ${xy} 0`],
  },
  {
    title: "a directory over a file",
    lower: [file("d", "ab")],
    upper: upper([dir("d"), file("d/f", "xy")]),
    want: ["d dir 0", `d/f file ${xy} 0`],
  },
  {
    title: "a symlink to another place is a change, one made again is not",
    lower: [symlink("a", "x"), { ...symlink("b", "x"), mode: 0o755 }],
    upper: upper([symlink("a", "y"), symlink("b", "x")]),
    want: ["a symlink y 0", "b symlink x 7"],
  },
  {
    title: "a new hard link to an old file joins it",
    lower: [file("m", "ab")],
    upper: upper([file("a", "ab"), link("m", "a")]),
    want: [`a file ${ab} 7`, "m hardlink a 7"],
  },
  {
    title: "a new group of hard links is one file, named by its smallest name",
    lower: [],
    upper: upper([file("c", "ab"), link("a", "c"), link("b", "c")]),
    want: [`a file ${ab} 0`, "b hardlink a 0", "c hardlink a 0"],
  },
  {
    title: "a group of the lower stays one although one name was copied up unchanged",
    lower: [file("a", "ab"), link("b", "a"), link("c", "a")],
    upper: upper([file("b", "ab")]),
    want: [`a file ${ab} 7`, "b hardlink a 7", "c hardlink a 7"],
  },
  {
    title: "the first name of a group that changes leaves the others as a group",
    lower: [file("a", "ab"), link("b", "a"), link("c", "a")],
    upper: upper([file("a", "xy")]),
    want: [`a file ${xy} 0`, `b file ${ab} 7`, "c hardlink b 7"],
  },
  {
    title: "the first name of a group that goes leaves the others as a group",
    lower: [file("a", "ab"), link("b", "a"), link("c", "a")],
    upper: upper([], ["-a"]),
    want: [`b file ${ab} 7`, "c hardlink b 7"],
  },
  {
    title: "a name that joins while others of its old group stay",
    lower: [file("a", "ab"), link("x", "a")],
    upper: upper([file("a", "ab"), link("n", "a")]),
    want: [`a file ${ab} 7`, "n hardlink a 7", "x hardlink a 7"],
  },
];

for (const one of cases) {
  test(`applyUpper: ${one.title}`, () => {
    assert.deepEqual(show(applyUpper(makeTree(one.lower), one.upper)), one.want);
  });
}
