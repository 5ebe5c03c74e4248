// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
  lstatSync,
} from "node:fs";
import { join } from "node:path";

import type { ProjectFile, ProjectFiles } from "../assemble/index.ts";
import { type Digest, digestOf } from "../base/index.ts";
import { insideProject } from "./inside.ts";
import type { OpenProject } from "./steps/read-project-file.ts";

/** Reorders what a directory lists: the identity, or a shuffle that proves that order means nothing. */
export type DirectoryOrder = (names: readonly string[]) => readonly string[];

interface ProjectReaderOptions {
  readonly dir: string;
  readonly order: DirectoryOrder;
  /** Takes a file's bytes; without it files are only hashed. */
  readonly put?: (bytes: Uint8Array) => { readonly digest: Digest; readonly sizeBytes: number };
}

const headBytes = 64 << 10;

/** The project's directory on disk. Names that are not UTF-8 are passed over: no glob can name them. */
function projectReader({ dir, order, put }: ProjectReaderOptions): ProjectFiles {
  return {
    *walk(from, enter) {
      const stat = lstatSync(join(dir, from), { throwIfNoEntry: false });
      if (stat === undefined) return;
      if (from !== "") insideProject(dir, stat.isSymbolicLink() ? join(from, "..") : from);
      if (stat.isDirectory()) yield* walkDirectory({ dir, order }, from, enter);
      else yield* fileAt(dir, from, stat);
    },
    content(path) {
      const bytes = readFileSync(insideProject(dir, path));
      return put === undefined ? { digest: digestOf(bytes), sizeBytes: bytes.length } : put(bytes);
    },
    head: (path) => readHead(insideProject(dir, path)),
  };
}

function* walkDirectory(
  place: { readonly dir: string; readonly order: DirectoryOrder },
  path: string,
  enter: (directory: string) => boolean,
): Generator<ProjectFile, void, void> {
  for (const name of place.order(readdirSync(join(place.dir, path)))) {
    if (name.includes("\uFFFD")) continue;
    const below = path === "" ? name : `${path}/${name}`;
    const stat = lstatSync(join(place.dir, below), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isDirectory()) yield* fileAt(place.dir, below, stat);
    else if (enter(below)) yield* walkDirectory(place, below, enter);
  }
}

/** Sockets, fifos and devices of the project are no part of it. */
function* fileAt(dir: string, path: string, stat: Stats): Generator<ProjectFile, void, void> {
  const executable = (stat.mode & 0o100) !== 0;
  if (stat.isSymbolicLink()) yield { path, executable: false, symlinkTarget: readlinkSync(join(dir, path)) };
  else if (stat.isFile()) yield { path, executable };
}

function readHead(path: string): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(headBytes);
    return bytes.subarray(0, readSync(file, bytes, 0, headBytes, 0));
  } finally {
    closeSync(file);
  }
}

export interface ProjectPlace {
  readonly projectDir: string;
  readonly directoryOrder: DirectoryOrder;
}

/** The project's files as a build reads them; their contents go to a sink where there is one. */
export function openProject({ projectDir: dir, directoryOrder: order }: ProjectPlace): OpenProject {
  return (sink) => projectReader({ dir, order, ...(sink && { put: (bytes) => sink.put(bytes) }) });
}
