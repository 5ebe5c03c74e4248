// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "./error.ts";
import { limits } from "./limits.ts";

/**
 * A path inside an image: relative to the root, no leading or trailing slash, no empty, `.` or `..`
 * component, no NUL. The bytes of the name are its UTF-8 form; a byte that is not UTF-8 stands as the lone
 * surrogate U+DC80..U+DCFF (Python's PEP 383), so that every name survives the way through a string.
 */
export type ImagePath = string & { readonly __brand: "ImagePath" };

/** Parses a path that a user or a file wrote, with or without the leading slash. Throws `PATH_INVALID`. */
export function parsePath(text: string): ImagePath {
  const path = text.replace(/^\/+/, "").replace(/\/+$/, "");
  const fault = faultOf(path);
  if (fault !== undefined) throw invalid(text, fault);
  return path as ImagePath;
}

/**
 * Parses the name of an archive's entry: `./` in front and slashes behind are dropped. An absolute name,
 * `..` and an empty component inside are refused. Returns undefined for the root itself (`./`, `.`).
 * Throws `PATH_INVALID`.
 */
export function parseEntryName(name: string): ImagePath | undefined {
  let path = name;
  while (path.startsWith("./")) path = path.slice(2);
  path = path.replace(/\/+$/, "");
  if (path === "" || path === ".") {
    if (name.startsWith("/") || name === "") throw invalid(name, "an archive's names are relative");
    return undefined;
  }
  const fault = faultOf(path);
  if (fault !== undefined) throw invalid(name, fault);
  return path as ImagePath;
}

function faultOf(path: string): string | undefined {
  if (path.startsWith("/")) return "an archive's names are relative";
  if (path === "") return "the path is empty";
  if (path.includes("\0")) return "the path holds a NUL byte";
  const parts = path.split("/");
  if (parts.length > limits.pathDepthMax) return `the path is deeper than ${limits.pathDepthMax}`;
  for (const part of parts) {
    if (part === "" || part === "." || part === "..") return `the component "${part}" is not allowed`;
    if (part.length > 255 || (part.length > 63 && pathToBytes(part as ImagePath).length > 255)) {
      return "a component is longer than 255 bytes";
    }
  }
  if (path.length > 4096 || pathToBytes(path as ImagePath).length > 4096)
    return "the path is longer than 4096 bytes";
  return undefined;
}

function invalid(path: string, fault: string): AshlarError {
  const shown = path.length > 200 ? `${path.slice(0, 200)}...` : path;
  return new AshlarError("PATH_INVALID", `Cannot use path ${JSON.stringify(shown)}: ${fault}`);
}

/** Decodes the bytes of a file name to its string form, losing nothing. */
export function nameFromBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  if (!text.includes("\uFFFD")) return text;
  return escapeInvalid(bytes);
}

function escapeInvalid(bytes: Uint8Array): string {
  let out = "";
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) out += String.fromCharCode(0xdc00 + (bytes[at++] as number));
    else {
      out += Buffer.from(bytes.subarray(at, at + length)).toString("utf8");
      at += length;
    }
  }
  return out;
}

/** The length of the valid UTF-8 sequence at `at`, or 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return 0;
  const text = Buffer.from(bytes.subarray(at, at + length)).toString("utf8");
  return text.includes("\uFFFD") && !isReplacement(bytes, at) ? 0 : length;
}

function isReplacement(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
}

/** The bytes of a name: the inverse of `nameFromBytes`. */
export function pathToBytes(path: string): Buffer {
  if (!/[\uDC80-\uDCFF]/.test(path) || path.isWellFormed()) return Buffer.from(path, "utf8");
  const parts: Buffer[] = [];
  for (const char of path) {
    const unit = char.charCodeAt(0);
    const escaped = char.length === 1 && unit >= 0xdc80 && unit <= 0xdcff;
    parts.push(escaped ? Buffer.from([unit - 0xdc00]) : Buffer.from(char, "utf8"));
  }
  return Buffer.concat(parts);
}

/** Orders paths by their bytes. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return x >= 0xd800 || y >= 0xd800 ? Buffer.compare(pathToBytes(a), pathToBytes(b)) : x - y;
  }
  return a.length - b.length;
}

/** The directory a path lies in, or undefined where that is the root. */
export function parentOf(path: ImagePath): ImagePath | undefined {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? undefined : (path.slice(0, slash) as ImagePath);
}

/** The last component of a path. */
export function baseNameOf(path: ImagePath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A path as people read it: with the leading slash. */
export function showPath(path: ImagePath): string {
  return `/${path}`;
}
