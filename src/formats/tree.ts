// SPDX-License-Identifier: Apache-2.0
import {
  AshlarError,
  compareOrdinal,
  comparePaths,
  type Digest,
  type ImagePath,
  limits,
  parseDigest,
  parsePath,
} from "../base/index.ts";

/** What every entry of a tree has beside its path and kind. */
export interface Meta {
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  /** 0 to 2^32 - 2, as `gid`. */
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  /** Extended attributes, name to base64 of the value, e.g. `security.capability`. Absent, never empty. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** A regular file; `content` is `emptyDigest` and `sizeBytes` 0 where it is empty. */
export type FileEntry = Meta & {
  readonly type: "file";
  readonly path: ImagePath;
  readonly sizeBytes: number;
  readonly content: Digest;
};
export type DirEntry = Meta & { readonly type: "dir"; readonly path: ImagePath };
/** `target` is data, any text; never followed by us when writing. */
export type SymlinkEntry = Meta & { readonly type: "symlink"; readonly path: ImagePath; readonly target: string };
/** A further name of the regular file at `target`, which comes earlier in the tree's order of creation. */
export type HardlinkEntry = Meta & { readonly type: "hardlink"; readonly path: ImagePath; readonly target: ImagePath };
export type DeviceEntry = Meta & {
  readonly type: "char" | "block";
  readonly path: ImagePath;
  readonly major: number;
  readonly minor: number;
};
export type FifoEntry = Meta & { readonly type: "fifo"; readonly path: ImagePath };

export type Entry = FileEntry | DirEntry | SymlinkEntry | HardlinkEntry | DeviceEntry | FifoEntry;

/**
 * The canonical description of a file system: entries in the order of their paths' bytes, each path once,
 * without the root itself (always a directory, 0755, root, mtime 0). A hard link's target is the file whose
 * path is the smallest of the group.
 */
export type Tree = readonly Entry[];

/** Brings entries into the canonical order. Throws `TREE_DUPLICATE` when a path occurs twice. */
export function makeTree(entries: Iterable<Entry>): Tree {
  const tree = [...entries].sort((a, b) => comparePaths(a.path, b.path));
  for (let i = 1; i < tree.length; i++) {
    if (tree[i]?.path === tree[i - 1]?.path) {
      throw new AshlarError("TREE_DUPLICATE", `Cannot make a tree: path "/${tree[i]?.path}" occurs twice`);
    }
  }
  return tree;
}

/** The first line of the format; the number is its version (`docs/formats/tree.md`). */
const header = '{"ashlar":"tree/v1"}';

/** Encodes a tree: the header line, then one canonical JSON object a line, LF after each. */
export function encodeTree(tree: Tree): Uint8Array {
  return encodeLines([header], tree);
}

/** The lines of some entries alone, to stand behind those of the entries before them. */
export function encodeEntries(entries: Tree): Uint8Array {
  return encodeLines([], entries);
}

function encodeLines(lines: string[], entries: Tree): Uint8Array {
  for (const entry of entries) lines.push(encodeEntry(entry));
  lines.push("");
  return Buffer.from(lines.join("\n"), "utf8");
}

/** The canonical JSON of an entry (RFC 8785, see `canonicalJson`), written out because trees are large. */
function encodeEntry(entry: Entry): string {
  const kind = entry.type;
  const content = kind === "file" ? `"content":"${entry.content}",` : "";
  const device = kind === "char" || kind === "block" ? `"major":${entry.major},"minor":${entry.minor},` : "";
  const size = kind === "file" ? `"sizeBytes":${entry.sizeBytes},` : "";
  const target = kind === "symlink" || kind === "hardlink" ? `"target":${JSON.stringify(entry.target)},` : "";
  const xattrs = entry.xattrs === undefined ? "" : encodeXattrs(entry.xattrs);
  return (
    `{${content}"gid":${entry.gid},${device}"mode":${entry.mode},"mtimeSeconds":${entry.mtimeSeconds},` +
    `"path":${JSON.stringify(entry.path)},${size}${target}"type":"${kind}","uid":${entry.uid}${xattrs}}`
  );
}

function encodeXattrs(xattrs: Readonly<Record<string, string>>): string {
  const names = Object.keys(xattrs).sort(compareOrdinal);
  if (names.length === 0) return "";
  return `,"xattrs":{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(xattrs[name])}`).join(",")}}`;
}

/**
 * Parses an encoded tree and proves that it is canonical. Throws `TREE_INVALID` with the line's number,
 * `PATH_INVALID` or `DIGEST_INVALID`.
 */
export function parseTree(bytes: Uint8Array): Tree {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  // Bytes that are not UTF-8 read as U+FFFD; where one stands it has to be written so.
  if (text.includes("\uFFFD") && Buffer.compare(Buffer.from(text), bytes) !== 0) throw invalid(1, "not UTF-8");
  const lines = text.split("\n");
  if (lines[0] !== header) throw invalid(1, `the first line is not ${header}`);
  if (lines.pop() !== "") throw invalid(lines.length + 1, "the last line has no end");
  if (lines.length > limits.entryCountMax) throw invalid(lines.length, "too many entries");
  const tree: Entry[] = [];
  for (let i = 1; i < lines.length; i++) {
    const entry = parseEntry(lines[i] as string, i + 1);
    const before = tree[tree.length - 1];
    if (before !== undefined && comparePaths(before.path, entry.path) >= 0) throw invalid(i + 1, "not in order");
    tree.push(entry);
  }
  return tree;
}

function parseEntry(line: string, number: number): Entry {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw invalid(number, "not JSON");
  }
  if (typeof value !== "object" || value === null) throw invalid(number, "not an object");
  checkMeta(value, number);
  checkKind(value, number);
  const entry = value as unknown as Entry;
  // Catches unknown keys, another order of keys and other spellings of a value, all at once.
  if (encodeEntry(entry) !== line) throw invalid(number, "not canonical");
  return entry;
}

function checkMeta(value: Record<string, unknown>, number: number): void {
  if (typeof value["path"] !== "string" || parsePath(value["path"]) !== value["path"]) throw invalid(number, "path");
  if (!isCount(value["mode"]) || value["mode"] > 0o7777) throw invalid(number, "mode");
  if (!isId(value["uid"]) || !isId(value["gid"])) throw invalid(number, "owner");
  if (!Number.isSafeInteger(value["mtimeSeconds"])) throw invalid(number, "mtimeSeconds");
  const xattrs = value["xattrs"];
  if (xattrs === undefined) return;
  if (typeof xattrs !== "object" || xattrs === null || Array.isArray(xattrs)) throw invalid(number, "xattrs");
  const values = Object.entries(xattrs as Record<string, unknown>);
  if (values.length === 0 || !values.every(isXattr)) throw invalid(number, "xattrs");
}

function isXattr([name, value]: [string, unknown]): boolean {
  if (name === "" || name.includes("\0") || typeof value !== "string") return false;
  return Buffer.from(value, "base64").toString("base64") === value;
}

function checkKind(value: Record<string, unknown>, number: number): void {
  switch (value["type"]) {
    case "file":
      if (!isCount(value["sizeBytes"]) || typeof value["content"] !== "string") throw invalid(number, "content");
      parseDigest(value["content"]);
      return;
    case "symlink":
      if (typeof value["target"] !== "string" || !/^[^\0]+$/.test(value["target"])) throw invalid(number, "target");
      return;
    case "hardlink":
      if (typeof value["target"] !== "string") throw invalid(number, "target");
      if (parsePath(value["target"]) !== value["target"]) throw invalid(number, "target");
      return;
    case "char":
    case "block":
      if (!isCount(value["major"]) || !isCount(value["minor"])) throw invalid(number, "device number");
      return;
    case "dir":
    case "fifo":
      return;
    default:
      throw invalid(number, `type ${JSON.stringify(value["type"])}`);
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The largest number is no owner: chown(2) takes it for "leave as it is". */
function isId(value: unknown): boolean {
  return isCount(value) && value <= 0xfffffffe;
}

function invalid(line: number, fault: string): AshlarError {
  return new AshlarError("TREE_INVALID", `Cannot read tree: line ${line}, ${fault}`);
}
