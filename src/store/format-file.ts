// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

import { isSystemError } from "../base/index.ts";
import { makeDirs, makeTmpFile, publish } from "./layout.ts";
import { encodeStoreFormat, type StoreFormat } from "./store-format.ts";

const formatBytesMax = 8192;

/**
 * The text of a directory's file `format`; undefined where there is none, and empty, which is no format, where it is
 * too long or no regular file. Never waits for somebody to write into a fifo.
 */
export function readFormatText(dir: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(join(dir, "format"), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    // A symlink, or a socket.
    if (isSystemError(error, "ELOOP", "ENXIO")) return "";
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) return "";
    const bytes = Buffer.alloc(formatBytesMax + 1);
    const length = readSync(fd, bytes);
    return length > formatBytesMax ? "" : bytes.toString("utf8", 0, length);
  } finally {
    closeSync(fd);
  }
}

/** Writes it, durable and whole or not at all. */
export function writeFormat(dir: string, format: Exclude<StoreFormat, { kind: "newer" }>, mode: number): void {
  makeDirs(join(dir, "tmp"));
  const file = makeTmpFile(join(dir, "tmp"), "format");
  const bytes = Buffer.from(encodeStoreFormat(format));
  for (let at = 0; at < bytes.length; ) at += writeSync(file.fd, bytes, at);
  fchmodSync(file.fd, mode);
  publish(file, join(dir, "format"));
}
