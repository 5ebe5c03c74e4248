// SPDX-License-Identifier: Apache-2.0
import { AshlarError, parseEntryName } from "../base/index.ts";
import {
  type ArMember,
  type ByteReader,
  type Compression,
  decompressSync,
  parseAr,
  type TarEntry,
  TarParser,
} from "../formats/index.ts";
import { field, parseControl, type Stanza } from "./control.ts";

/** A binary package file, opened: the control part read whole, the data part ready to be streamed. */
export interface Deb {
  /** The files of control.tar by name: "control", "md5sums", "conffiles", "postinst", ... */
  readonly control: ReadonlyMap<string, Uint8Array>;
  /** The one stanza of "control". */
  readonly fields: Stanza;
  /** data.tar as stored, in pieces. */
  readonly data: { readonly compression: Compression; chunks(): Iterable<Uint8Array> };
}

const pieceBytes = 256 * 1024;
/** Far above any real one (translations, long md5sums), far below what hurts. */
const controlTarBytesMax = 64 << 20;
const controlCompressedBytesMax = 16 << 20;
const controlFileCountMax = 10_000;
const compressions: Readonly<Record<string, Compression>> = {
  "": "none",
  ".gz": "gzip",
  ".xz": "xz",
  ".zst": "zstd",
};

/**
 * Reads the structure of a .deb: format 2.x, exactly one control.tar and one data.tar in this order, of which
 * gzip, xz, zstd and none are supported. Members behind data.tar whose names begin with `_` (signatures of
 * vendors) are left alone; anything else is refused.
 *
 * Throws `DEBIAN_DEB_INVALID`, `DEBIAN_DEB_UNSUPPORTED`, `DEBIAN_CONTROL_INVALID`, and the errors of ar, tar and
 * decompression (`FORMATS_*`). Source: deb(5).
 */
export function readDeb(read: ByteReader): Deb {
  const { control, data } = membersOf(parseAr(read), read);
  const compression = compressionOf(data, "data.tar");
  const files = readControlTar(read, control);
  return {
    control: files,
    fields: parseFields(files),
    data: { compression, chunks: () => pieces(read, data) },
  };
}

/**
 * Proves that a .deb is what the lock or the index says. Throws `DEBIAN_DEB_MISMATCH` with both sides of each
 * difference.
 */
export function verifyDebIdentity(
  fields: Stanza,
  want: { readonly name: string; readonly version: string; readonly architecture: string },
): void {
  const pairs = [
    ["Package", want.name],
    ["Version", want.version],
    ["Architecture", want.architecture],
  ] as const;
  const because: string[] = [];
  for (const [name, wanted] of pairs) {
    const actual = field(fields, name) ?? "";
    if (actual !== wanted) because.push(`${name} is ${quote(actual)}, want ${quote(wanted)}`);
  }
  if (because.length === 0) return;
  const differences = because.join("; ");
  const message = `Cannot use package "${want.name}" ${want.version}: its file is of another one, ${differences}`;
  throw new AshlarError("DEBIAN_DEB_MISMATCH", message, { because });
}

function membersOf(
  members: readonly ArMember[],
  read: ByteReader,
): { readonly control: ArMember; readonly data: ArMember } {
  const [format, control, data, ...rest] = members;
  if (format?.name !== "debian-binary")
    throw invalid(`its first member is ${show(format)}, want debian-binary`);
  checkFormat(format, read);
  if (control === undefined || !isPart(control, "control.tar"))
    throw invalid(`its second member is ${show(control)}, want control.tar`);
  if (data === undefined || !isPart(data, "data.tar"))
    throw invalid(`its third member is ${show(data)}, want data.tar`);
  const extra = rest.find((member) => !member.name.startsWith("_"));
  if (extra !== undefined) throw invalid(`it has a further member ${show(extra)}, want none`);
  return { control, data };
}

function checkFormat(member: ArMember, read: ByteReader): void {
  const text = Buffer.from(read.read(member.offset, Math.min(member.sizeBytes, 64))).toString("latin1");
  if (/^2\.[0-9]+\n/.test(text)) return;
  const shown = quote(text.split("\n")[0] ?? "");
  throw new AshlarError("DEBIAN_DEB_UNSUPPORTED", `Cannot read .deb: its format is ${shown}, want 2.0`);
}

function isPart({ name }: ArMember, part: string): boolean {
  return name === part || name.startsWith(`${part}.`);
}

function compressionOf({ name }: ArMember, part: string): Compression {
  const suffix = name.slice(part.length);
  const compression = Object.hasOwn(compressions, suffix) ? compressions[suffix] : undefined;
  if (compression !== undefined) return compression;
  const message = `Cannot read .deb: the compression of "${name}" is not supported, want gz, xz, zst or none`;
  throw new AshlarError("DEBIAN_DEB_UNSUPPORTED", message);
}

function readControlTar(read: ByteReader, member: ArMember): ReadonlyMap<string, Uint8Array> {
  const compression = compressionOf(member, "control.tar");
  if (member.sizeBytes > controlCompressedBytesMax)
    throw invalid(`its control part has ${member.sizeBytes} bytes, want less`);
  const stored = read.read(member.offset, member.sizeBytes);
  const tar = decompressSync(compression, stored, {
    maxBytes: controlTarBytesMax,
    what: `"${member.name}" of a .deb`,
  });
  const collector = new ControlFiles();
  const parser = new TarParser(collector, { entryCountMax: controlFileCountMax });
  parser.push(tar);
  parser.finish();
  return collector.files;
}

/** Takes the files of control.tar: regular files at the top, each name once. */
class ControlFiles {
  readonly files = new Map<string, Uint8Array>();
  #name: string | undefined;
  #pieces: Uint8Array[] = [];

  entry(entry: TarEntry): void {
    const name = parseEntryName(entry.name);
    this.#pieces = [];
    this.#name = undefined;
    if (entry.type === "dir" && name === undefined) return;
    if (entry.type !== "file" || name === undefined || name.includes("/")) {
      throw invalid(`its control part has ${quote(entry.name)} of type ${entry.type}, want only files`);
    }
    if (this.files.has(name)) throw invalid(`its control part has ${quote(name)} twice`);
    this.#name = name;
  }

  data(bytes: Uint8Array): void {
    this.#pieces.push(Uint8Array.from(bytes));
  }

  endEntry(): void {
    if (this.#name !== undefined) this.files.set(this.#name, Buffer.concat(this.#pieces));
  }
}

function parseFields(files: ReadonlyMap<string, Uint8Array>): Stanza {
  const bytes = files.get("control");
  if (bytes === undefined) throw invalid('its control part has no file "control"');
  const [stanza, ...rest] = parseControl(bytes);
  if (stanza === undefined || rest.length > 0)
    throw invalid(`its control file has ${rest.length === 0 ? "no" : "several"} stanzas, want one`);
  const missing = ["Package", "Version", "Architecture"].filter((name) => (field(stanza, name) ?? "") === "");
  if (missing.length > 0) throw invalid(`its control file lacks ${missing.join(", ")}`);
  return stanza;
}

function* pieces(read: ByteReader, { offset, sizeBytes }: ArMember): Generator<Uint8Array> {
  for (let at = 0; at < sizeBytes; at += pieceBytes) {
    yield read.read(offset + at, Math.min(pieceBytes, sizeBytes - at));
  }
}

function show(member: ArMember | undefined): string {
  return member === undefined ? "missing" : quote(member.name);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}

function invalid(fault: string): AshlarError {
  return new AshlarError("DEBIAN_DEB_INVALID", `Cannot read .deb: ${fault}`);
}
