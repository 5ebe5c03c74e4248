// SPDX-License-Identifier: Apache-2.0
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

import { AshlarError } from "../base/index.ts";

interface MetadataChoice {
  /** `--metadata FILE`, `--no-metadata`, or nothing. */
  readonly asked: string | boolean | undefined;
  readonly cwd: string;
}

/**
 * Chooses where a checkout's tree is written down: where the user says; else beside the directory where the user
 * is not root, and owners could not be set; else nowhere. Throws `USAGE_METADATA` where another file is there.
 */
export function metadataFile(dir: string, { asked, cwd }: MetadataChoice): string | undefined {
  if (asked === false) return undefined;
  const isRoot = process.geteuid?.() === 0;
  const path = typeof asked === "string" ? resolve(cwd, asked) : isRoot ? undefined : `${dir}.tree`;
  if (path === undefined || !existsSync(path) || isTreeFile(path)) return path;
  throw new AshlarError("USAGE_METADATA", `Cannot write metadata to "${path}": another file is there`, {
    hint: "name another file with --metadata FILE, or none with --no-metadata",
  });
}

const header = Buffer.from('{"ashlar":"tree/');

function isTreeFile(path: string): boolean {
  if (!statSync(path).isFile()) return false;
  const fd = openSync(path, "r");
  try {
    const first = Buffer.alloc(header.length);
    return readSync(fd, first) === header.length && first.equals(header);
  } finally {
    closeSync(fd);
  }
}

/** Writes an encoded tree under its name when it is whole. */
export function writeMetadata(path: string, tree: Uint8Array): void {
  const unfinished = `${path}.part`;
  try {
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, tree, { flag: "wx" });
    renameSync(unfinished, path);
  } catch (cause) {
    rmSync(unfinished, { force: true });
    const state = cause instanceof Error ? cause.message : "it failed";
    throw new AshlarError("METADATA_FAILED", `Cannot write metadata to "${path}": ${state}`, { cause });
  }
}
