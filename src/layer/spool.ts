// SPDX-License-Identifier: Apache-2.0
import { closeSync, mkdtempSync, openSync, readSync, renameSync, rmSync, writeSync, writevSync } from "node:fs";
import { join } from "node:path";

import { type Digest, hexOf, isSystemError } from "../base/index.ts";

/** One blob on its way into the spool. */
export interface SpooledBlob {
  write(bytes: Uint8Array): void;
  /** Gives the blob its name; without this `end` throws it away. */
  keep(digest: Digest): void;
  end(): void;
}

/** Layer blobs of one run in a temporary directory; readers verify what they get, as from any other place. */
export interface LayerSpool {
  begin(): SpooledBlob;
  open(digest: Digest): Iterable<Uint8Array> | undefined;
  /** Removes everything. */
  close(): void;
}

const batchBytes = 1 << 18;

/** Opens a spool below a directory of temporary files. Nothing is made before the first blob. */
export function openSpool(tmpDir: string): LayerSpool {
  let dir: string | undefined;
  let count = 0;
  return {
    begin() {
      dir ??= mkdtempSync(join(tmpDir, "layers-"));
      return beginBlob(dir, join(dir, `${count++}.part`));
    },
    open: (digest) => (dir === undefined ? undefined : openBlob(join(dir, hexOf(digest)))),
    close() {
      if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

function beginBlob(dir: string, path: string): SpooledBlob {
  const file = openSync(path, "wx", 0o600);
  let batch: Uint8Array[] = [];
  let length = 0;
  const flush = (): void => {
    writeAll(file, batch, length);
    batch = [];
    length = 0;
  };
  return {
    write(bytes) {
      batch.push(bytes);
      length += bytes.length;
      if (length >= batchBytes) flush();
    },
    keep(digest) {
      flush();
      renameSync(path, join(dir, hexOf(digest)));
    },
    end() {
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}

/** A disk that is nearly full takes a part. */
function writeAll(file: number, batch: readonly Uint8Array[], length: number): void {
  if (length === 0) return;
  const done = writevSync(file, batch);
  if (done === length) return;
  const rest = Buffer.concat(batch).subarray(done);
  for (let at = 0; at < rest.length; ) at += writeSync(file, rest, at);
}

function openBlob(path: string): Iterable<Uint8Array> | undefined {
  try {
    return readBlob(openSync(path, "r"));
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

function* readBlob(file: number): Generator<Uint8Array, void, void> {
  try {
    for (;;) {
      const bytes = Buffer.allocUnsafe(batchBytes);
      const got = readSync(file, bytes, 0, batchBytes, null);
      if (got === 0) return;
      yield bytes.subarray(0, got);
    }
  } finally {
    closeSync(file);
  }
}
