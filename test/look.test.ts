// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { parseTree } from "../src/formats/index.ts";
import { ashlar } from "./programs.ts";
import { makeFixture } from "./fixture.ts";
import { build, makePlace } from "./run-build.ts";

const place = makePlace(await makeFixture());
const out = mkdtempSync(join(place.base, "out-"));
const layout = join(out, "layout");
const only = ["--image", "web", "--platform", "linux/amd64", "--output", `oci:${layout}`];
const images = await build(place, { args: only });
const name = images.at(-1)?.name as string;
const digest = images.at(-1)?.digest as string;
after(() => rmSync(place.base, { recursive: true, force: true }));

/** Runs a verb that must end well; gives what it printed. */
function look(...args: string[]): string {
  const { status, out: printed, err } = ashlar(place.store, args);
  assert.equal(status, 0, err);
  return printed;
}

test("inspect says the same of an image in the store, by digest and in a layout", () => {
  const first = JSON.parse(look("inspect", name, "--json")) as Record<string, unknown>;
  assert.equal(first["digest"], digest);
  assert.ok((first["packages"] as unknown[]).length >= 2);
  const short = JSON.parse(look("inspect", digest.slice(7, 19), "--json")) as Record<string, unknown>;
  assert.deepEqual(short, first);
  const other = JSON.parse(look("inspect", `oci:${layout}`, "--json")) as Record<string, unknown>;
  for (const field of ["digest", "imageId", "packages", "files", "fileBytes", "config"]) {
    assert.deepEqual(other[field], first[field], field);
  }
  assert.match(look("inspect", name, "--packages"), /ashlar-data +1\.0~rc1 +all +\(ashlar-sources\)/);
});

test("tree lists the same of the store and of the layout, below a path and following links", () => {
  assert.equal(look("tree", name, "--long"), look("tree", `oci:${layout}`, "--long"));
  const lines = look("tree", name, "/usr/share/data", "--long");
  assert.match(lines, /^d3775 +0:8 +0 +\/usr\/share\/data\/sticky\/$/m);
  assert.match(lines, /^h0640 +0:42 .*\/usr\/share\/data\/two = \/usr\/share\/data\/one$/m);
});

test("cat gives a file's bytes exactly, from the store and from the layout", () => {
  const large = Buffer.from(
    (JSON.parse(look("cat", name, "/usr/share/data/large", "--json")) as { base64: string }).base64,
    "base64",
  );
  assert.equal(large.length, 4_500_000);
  assert.equal(look("cat", name, "/etc/tool.conf"), "key = value\n");
  assert.equal(look("cat", `oci:${layout}`, "/etc/tool.conf"), "key = value\n");
});

test("cat and tree name what is near a path that is not there, and cat refuses a directory", () => {
  const wrong = ashlar(place.store, ["cat", name, "/etc/tools.conf"]);
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /error\[IMAGE_PATH\].*tools\.conf.*\n.*near it are .*\/etc\//);
  assert.match(ashlar(place.store, ["cat", name, "/etc"]).err, /it is a dir, want a file/);
});

test("diff finds no difference to itself, and tells packages, files and config apart", () => {
  assert.equal(look("diff", name, `oci:${layout}`, "--exit-code"), "no difference\n");
  const base = images[0]?.name as string;
  const found = ashlar(place.store, ["diff", base, name, "--exit-code", "--platform", "linux/amd64"]);
  assert.equal(found.status, 1, found.err);
  assert.match(found.out, /^files: \d+ added/m);
  assert.match(found.out, /^ {2}\+ \/.*index\.html$/m);
});

test("why gives the chain from a file to the spec, and says which step made what no package has", () => {
  assert.match(
    look("why", name, "/usr/lib/libashlar.so.1"),
    /package ashlar-lib\n.*needed by ashlar-tool\n.*named in the spec/,
  );
  const reason = JSON.parse(look("why", name, "ashlar-lib", "--json")) as Record<string, unknown>;
  assert.deepEqual(reason["chain"], ["ashlar-lib", "ashlar-tool", "spec"]);
  assert.match(look("why", name, "/etc/passwd"), /`users` of the spec|base-passwd/);
  assert.match(ashlar(place.store, ["why", name, "ashlar-li"]).err, /it has ashlar-lib/);
  assert.match(ashlar(place.store, ["why", `oci:${layout}`, "ashlar-lib"]).err, /IMAGE_WHY/);
});

test("checkout makes hard links into the store, copies on request, and refuses a place that is taken", () => {
  const linked = join(out, "linked");
  look("checkout", name, linked);
  assert.equal(readFileSync(join(linked, "etc/tool.conf"), "utf8"), "key = value\n");
  assert.ok(statSync(join(linked, "etc/tool.conf")).nlink > 1);
  const copied = join(out, "copied");
  look("checkout", name, copied, "--copy");
  assert.equal(statSync(join(copied, "etc/tool.conf")).nlink, 1);
  assert.match(ashlar(place.store, ["checkout", name, copied]).err, /error\[STORE_CHECKOUT_/);
});

test("checkout --update mends a checkout, says what it did, and refuses a directory of somebody else", () => {
  const dir = join(out, "updated");
  look("checkout", name, dir, "--update", "--copy");
  writeFileSync(join(dir, "etc/tool.conf"), "mine");
  const report = JSON.parse(look("checkout", name, dir, "--update", "--copy", "--json")) as {
    mode: string;
    update: { kept: number; made: number; removed: number };
  };
  assert.deepEqual([report.mode, report.update.made, report.update.removed], ["copy", 1, 1]);
  assert.equal(readFileSync(join(dir, "etc/tool.conf"), "utf8"), "key = value\n");
  assert.match(ashlar(place.store, ["checkout", name, out, "--update"]).err, /error\[STORE_CHECKOUT_UNKNOWN\]/);
});

test("checkout --metadata writes the tree, and never over a file that is none", () => {
  const file = join(out, "root.tree");
  look("checkout", name, join(out, "described"), "--metadata", file);
  const tree = parseTree(readFileSync(file));
  assert.ok(tree.some((entry) => entry.path === "etc/tool.conf"));
  look("checkout", name, join(out, "described"), "--metadata", file, "--update");
  writeFileSync(file, "mine");
  const refused = ashlar(place.store, ["checkout", name, join(out, "other"), "--metadata", file]);
  assert.deepEqual([refused.status, /error\[USAGE_METADATA\]/.test(refused.err)], [2, true]);
  assert.equal(readFileSync(file, "utf8"), "mine");
});

test("an unknown image is an error that names those there are; JSON errors are whole", () => {
  const { status, out: printed, err } = ashlar(place.store, ["inspect", "nosuch", "--json"]);
  assert.equal(status, 1);
  assert.match(err, /the store has .*fixture/);
  assert.equal((JSON.parse(printed) as { error: { code: string } }).error.code, "IMAGE_NOT_FOUND");
});

test("store fsck finds a store whole, and gc keeps what images need, so that nothing is unpacked again", async () => {
  assert.match(look("store", "fsck", "--full"), /the store is whole/);
  look("store", "gc", "--prune", "--grace=0");
  assert.match(look("store", "fsck", "--full"), /the store is whole/);
  assert.equal((await build(place, { args: only })).at(-1)?.digest, digest);
});

test("load takes images of the store only", () => {
  const { status, err } = ashlar(place.store, ["load", `oci:${layout}`]);
  assert.equal(status, 2);
  assert.match(err, /USAGE_LOAD/);
});

test("store stats tells what the images share, and draws it", () => {
  const svg = join(out, "sharing.svg");
  const stats = JSON.parse(look("store", "stats", "--json", "--svg", svg)) as {
    readonly images: readonly Record<string, number | string>[];
    readonly total: Record<string, number>;
  };
  const [base, web] = stats.images;
  assert.deepEqual(stats.images.map((image) => image["name"]), images.map((image) => image.name));
  assert.equal(base?.["ownBytes"], 0, "web stands on base and has all of it");
  assert.equal(web?.["withAllBytes"], base?.["storedBytes"]);
  assert.ok(Number(web?.["ownBytes"]) > 0);
  assert.equal(stats.total["storedBytes"], web?.["storedBytes"]);
  assert.ok(Number(stats.total["layerBytes"]) < Number(stats.total["wholeBytes"]), "the layers of base are shared");
  assert.match(readFileSync(svg, "utf8"), /^<svg .*<\/svg>\n$/s);
  assert.match(look("store", "stats"), /^every file once .*\nas plain layers .*\nas whole images /m);
  assert.doesNotMatch(look("store", "stats", "--totals"), /as plain layers/);
  assert.match(ashlar(place.store, ["store", "stats", "--svg", join(out, "no/x.svg")]).err, /STATS_WRITE/);
  assert.equal(ashlar(place.store, ["store", "stats", "--svg", svg, "--totals"]).status, 2);
});
