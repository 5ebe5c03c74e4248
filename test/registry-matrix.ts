// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { digestOf } from "../src/base/index.ts";
import { makeSmallRoot, type Maker, type RunTool } from "./foreign-makers.ts";
import { ashlar, must } from "./programs.ts";

/** What the cases of the matrix share: a directory, a registry, and where the others' programs run. */
export interface Matrix {
  readonly dir: string;
  readonly port: number;
  readonly run: RunTool;
}

/** Runs Ashlar with a store of the matrix; returns the last line, the thing made. */
export function ours({ dir }: Matrix, store: string, args: readonly string[]): string {
  const { status, out, err } = ashlar(join(dir, store), args);
  assert.equal(status, 0, `ashlar ${args.join(" ")}\n${err}`);
  return out.trimEnd().split("\n").at(-1) as string;
}

/** NAME@sha256:... as its digest. */
export function digestIn(made: string): string {
  return made.slice(made.indexOf("@") + 1);
}

/** The digest of the manifest that a place has, as skopeo reads it. */
export function digestAt({ run }: Matrix, place: string): string {
  const tls = place.startsWith("docker://") ? ["--tls-verify=false"] : [];
  return digestOf(run("skopeo", ["inspect", ...tls, "--raw", place]));
}

/** Builds our own small image in a form into the store "ours"; returns its name there. */
export function buildOurs(matrix: Matrix, form: string): string {
  const name = `ours/${form.replace(":", "-")}`;
  const dir = join(matrix.dir, "specs", name);
  mkdirSync(dir, { recursive: true });
  copyFileSync("/bin/busybox", join(dir, "busybox"));
  const app = [
    '- copy: { from: busybox, to: /bin/busybox, mode: "4755" }',
    `- write: { to: /etc/note, text: "${form}\\n", mode: "0640" }`,
    '- dir: { path: /srv/data, mode: "1777" }',
  ];
  const head = `ashlar: image/v1\nname: ${name}\nfrom: scratch\nplatforms: [linux/amd64]`;
  const config = "config: { entrypoint: [/bin/busybox], cmd: [cat, /etc/note] }";
  writeFileSync(join(dir, "ashlar.yaml"), `${head}\napp:\n  ${app.join("\n  ")}\n${config}\n`);
  ours(matrix, "ours", ["build", dir, `--compression=${form}`]);
  return name;
}

/**
 * Path, kind, mode, owner, target and content of all below a directory, sorted, and what is one file under several
 * names. No times: makers set them as they like. No counts of names: a checkout shares its files with others.
 */
export function describeTree(root: string): string[] {
  const format = "%P\\t%y %m %U:%G %l\\t%i\\n";
  const found = must("find", [root, "-mindepth", "1", "-printf", format]).trim().split("\n").sort();
  const firsts = new Map<string, string>();
  const names = found.map((line) => {
    const [path = "", facts, inode = ""] = line.split("\t");
    if (!firsts.has(inode)) firsts.set(inode, path);
    return `${path} ${facts} is ${firsts.get(inode)}`;
  });
  const sums = must("sh", ["-c", 'cd "$1" && find . -type f -exec sha256sum {} +', "sh", root]).trim().split("\n");
  return [...names, ...sums.sort()];
}

/**
 * An image of somebody else's program: we pull it, its files are the ones that went in, and it passes on through a
 * second repository and a second store without a change of its manifest.
 */
export function readForeign(matrix: Matrix, maker: Maker, number: number): void {
  const dir = join(matrix.dir, `foreign-${number}`);
  const { tree, tar } = makeSmallRoot(dir, maker.name);
  const host = `127.0.0.1:${matrix.port}`;
  const [from, to] = [`${host}/foreign/${number}:1`, `${host}/passed/${number}:1`];
  maker.make({ run: matrix.run, dir, tar }, `docker://${from}`);
  const wanted = digestAt(matrix, `docker://${from}`);
  const name = `foreign/${number}`;
  assert.equal(digestIn(ours(matrix, "first", ["pull", from, "--name", name])), wanted);
  assert.equal(digestIn(ours(matrix, "first", ["push", name, to])), wanted);
  assert.equal(digestAt(matrix, `docker://${to}`), wanted);
  assert.equal(digestIn(ours(matrix, "second", ["pull", to, "--name", name, "--keep-blobs"])), wanted);
  const again = `${host}/again/${number}:1`;
  assert.equal(digestIn(ours(matrix, "second", ["push", name, again])), wanted);
  assert.equal(digestAt(matrix, `docker://${again}`), wanted);
  const root = join(dir, "checkout");
  ours(matrix, "second", ["checkout", name, root]);
  assert.deepEqual(describeTree(root), describeTree(tree));
  rmSync(dir, { recursive: true });
}
