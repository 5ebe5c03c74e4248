// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

import { isSystemError } from "../base/index.ts";
import { makeDirs, makeTmpFile, publish } from "./layout.ts";
import { encodeStoreFormat, isSharedHead, type KnownFormat } from "./store-format.ts";

const formatBytesMax = 8192;

/**
 * The text of a directory's file `format`, with that of `sharing` where the first says that it is there; undefined
 * where there is none, and empty, which is no format, where one is too long or no regular file.
 */
export function readFormatText(dir: string): string | undefined {
  const text = readSmall(join(dir, "format"));
  return text !== undefined && isSharedHead(text) ? text + (readSmall(join(dir, "sharing")) ?? "") : text;
}

/** Never waits for somebody to write into a fifo. */
function readSmall(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
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

/**
 * Writes it, durable and whole or not at all: `format` comes last. It holds the first line alone, because releases that
 * know no sharing read exactly that, and refuse the number.
 */
export function writeFormat(dir: string, format: KnownFormat, mode: number): void {
  makeDirs(join(dir, "tmp"));
  const text = encodeStoreFormat(format);
  const end = text.indexOf("\n") + 1;
  if (end < text.length) writeSmall(dir, { name: "sharing", text: text.slice(end), mode });
  writeSmall(dir, { name: "format", text: text.slice(0, end), mode });
}

interface SmallFile {
  readonly name: string;
  readonly text: string;
  readonly mode: number;
}

function writeSmall(dir: string, { name, text, mode }: SmallFile): void {
  const file = makeTmpFile(join(dir, "tmp"), "format");
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(file.fd, bytes, at);
  fchmodSync(file.fd, mode);
  publish(file, join(dir, name));
}
