// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestFromHex } from "../base/index.ts";
import { field, parseControl, type Stanza } from "./control.ts";
import { isArchivePath } from "./package.ts";

/** A file that a Release file vouches for. */
export interface ReleaseFile {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** What a Release (or InRelease, without its armour) file says; text fields are "" where absent. */
export interface Release {
  readonly origin: string;
  readonly label: string;
  readonly suite: string;
  readonly codename: string;
  readonly version: string;
  /** Seconds since 1970. */
  readonly dateSeconds: number;
  readonly validUntilSeconds: number | undefined;
  readonly architectures: readonly string[];
  readonly components: readonly string[];
  readonly acquireByHash: boolean;
  /** Nothing is taken from it while another source has the name, as from backports (apt_preferences(5)). */
  readonly notAutomatic: boolean;
  /** Whether the indexes of each architecture hold the packages of "all" too. */
  readonly noSupportForArchitectureAll: boolean;
  /** By path below `dists/SUITE/`; from the SHA256 list alone. */
  readonly files: ReadonlyMap<string, ReleaseFile>;
}

const fileCountMax = 200_000;

/**
 * Parses a Release file whose signature was verified. Throws `DEBIAN_RELEASE_INVALID`: no Date or SHA256 list,
 * no Suite and no Codename, a date that is none, a path outside the archive, a file listed twice with different
 * hashes or sizes. Weaker hash lists are not read. Source: Debian repository format, "Release files".
 */
export function parseRelease(text: string | Uint8Array): Release {
  const [stanza, ...rest] = parseControl(text);
  if (stanza === undefined || rest.length > 0) throw invalid("want exactly one stanza");
  const optional = (name: string): string => field(stanza, name) ?? "";
  const suite = optional("Suite");
  const codename = optional("Codename");
  if (suite === "" && codename === "") throw invalid("it has neither Suite nor Codename");
  const validUntil = field(stanza, "Valid-Until");
  return {
    origin: optional("Origin"),
    label: optional("Label"),
    suite,
    codename,
    version: optional("Version"),
    dateSeconds: parseDate("Date", required(stanza, "Date")),
    validUntilSeconds: validUntil === undefined ? undefined : parseDate("Valid-Until", validUntil),
    architectures: wordsOf(optional("Architectures")),
    components: wordsOf(optional("Components")),
    acquireByHash: optional("Acquire-By-Hash") === "yes",
    notAutomatic: optional("NotAutomatic") === "yes",
    noSupportForArchitectureAll: wordsOf(optional("No-Support-for-Architecture-all")).includes("Packages"),
    files: parseFiles(required(stanza, "SHA256")),
  };
}

function required(stanza: Stanza, name: string): string {
  const value = field(stanza, name);
  if (value === undefined || value === "") throw invalid(`the field "${name}" is missing`);
  return value;
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** Lines of hash, size and path. */
function parseFiles(text: string): ReadonlyMap<string, ReleaseFile> {
  const files = new Map<string, ReleaseFile>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const file = parseFileLine(line);
    const twin = files.get(file.path);
    if (twin !== undefined && (twin.digest !== file.digest || twin.sizeBytes !== file.sizeBytes)) {
      throw invalid(`"${file.path}" is listed twice with different hashes or sizes`);
    }
    if (files.size === fileCountMax) throw invalid(`more than ${fileCountMax} files`);
    files.set(file.path, { digest: file.digest, sizeBytes: file.sizeBytes });
  }
  return files;
}

function parseFileLine(line: string): ReleaseFile & { readonly path: string } {
  const match = /^ *([0-9a-fA-F]{64}) +([0-9]{1,15}) +(\S+)$/.exec(line);
  if (match === null) throw invalid(`${quote(line)} is no line of a SHA256 list, want "hash size path"`);
  const path = match[3] as string;
  if (!isArchivePath(path)) throw invalid(`${quote(path)} is no path inside the archive`);
  return { path, digest: digestFromHex((match[1] as string).toLowerCase()), sizeBytes: Number(match[2]) };
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Day, year, hour, minute, second. */
type Fields = [number, number, number, number, number];

const datePattern =
  /^(?:[A-Z][a-z]{2}, +)?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{1,2}):(\d{2}):(\d{2}) (?:UTC|GMT|Z|\+0000)$/;

/** "Sat, 09 Nov 2024 10:09:55 UTC" in seconds since 1970; the week day is not looked at. */
function parseDate(name: string, text: string): number {
  const match = datePattern.exec(text);
  const month = months.indexOf(match?.[2] ?? "");
  if (match === null || month < 0) throw invalid(`its ${name} ${quote(text)} is no date in UTC`);
  const [day, year, hour, minute, second] = [match[1], match[3], match[4], match[5], match[6]].map(Number) as Fields;
  const milliseconds = Date.UTC(year, month, day, hour, minute, second);
  const date = new Date(milliseconds);
  const isReal = date.getUTCDate() === day && date.getUTCHours() === hour && date.getUTCMinutes() === minute;
  // Below the year 100 Date.UTC counts from 1900.
  if (!isReal || year < 1970 || second > 59) throw invalid(`its ${name} ${quote(text)} is no date`);
  return milliseconds / 1000;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}

function invalid(fault: string): AshlarError {
  return new AshlarError("DEBIAN_RELEASE_INVALID", `Cannot read release file: ${fault}`);
}
