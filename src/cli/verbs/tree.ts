// SPDX-License-Identifier: Apache-2.0
import { type Json, showPath } from "../../base/index.ts";
import { below, findPath, type LookedImage } from "../../build/index.ts";
import type { Entry } from "../../formats/index.ts";
import { type LookOptions, withImages } from "../look.ts";
import type { Outcome, Shell } from "../shell.ts";
import { printable, showTable } from "../show.ts";

interface TreeOptions extends LookOptions {
  readonly long?: boolean;
}

/** `ashlar tree IMAGE [PATH]` */
export async function tree(
  shell: Shell,
  image: string,
  path: string | undefined,
  options: TreeOptions,
): Promise<Outcome> {
  return withImages(shell, { texts: [image], options }, async ([looked]) => {
    const all = await (looked as LookedImage).tree();
    const wanted = (path ?? "").replace(/^\/+|\/+$/g, "");
    const entries = below(all, wanted === "" ? "" : findPath(all, wanted).path);
    const text = options.long
      ? showTable(entries.map(longRow))
      : entries.map((entry) => `${nameOf(entry)}\n`).join("");
    return { text, json: entries as unknown as Json };
  });
}

function nameOf(entry: Entry): string {
  return printable(rawName(entry));
}

function rawName(entry: Entry): string {
  if (entry.type === "dir") return `${showPath(entry.path)}/`;
  if (entry.type === "symlink") return `${showPath(entry.path)} -> ${entry.target}`;
  return entry.type === "hardlink" ? `${showPath(entry.path)} = /${entry.target}` : showPath(entry.path);
}

const kinds = { file: "-", dir: "d", symlink: "l", hardlink: "h", char: "c", block: "b", fifo: "p" } as const;

function longRow(entry: Entry): (string | number)[] {
  const mode = `${kinds[entry.type]}${entry.mode.toString(8).padStart(4, "0")}`;
  const size = entry.type === "file" ? entry.sizeBytes : 0;
  const digest = entry.type === "file" ? entry.content.slice(7, 19) : "";
  return [mode, `${entry.uid}:${entry.gid}`, size, digest, nameOf(entry)];
}
