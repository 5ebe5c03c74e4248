// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, digestOf, hexOf } from "../../base/index.ts";
import { buildDeb, compress, controlFieldsOf, type DebOptions } from "./build-deb.ts";

export interface ArchiveOptions {
  /** "bookworm" when absent. */
  readonly suite?: string;
  readonly codename?: string;
  /** Seconds since 1970; 1 June 2024, 12:00 when absent. */
  readonly dateSeconds?: number;
  readonly validUntilSeconds?: number;
  /** All when absent: those of the packages, without "all". */
  readonly architectures?: readonly string[];
  /** Forms of each Packages file; ".xz" and ".gz" when absent. The plain one is listed always, as in Debian. */
  readonly indexes?: readonly ("" | ".gz" | ".xz")[];
  readonly acquireByHash?: boolean;
  /** More fields of the Release file, or other values of those that are there. */
  readonly release?: Readonly<Record<string, string>>;
  /** All in component "main". */
  readonly packages: readonly DebOptions[];
}

const component = "main";
const fixtureDateSeconds = 1_717_243_200;

/**
 * Builds a Debian archive in memory: path below its base address to bytes. Not signed: each suite has
 * `dists/SUITE/Release` only. The order of the packages makes no difference.
 */
export function buildArchive(options: ArchiveOptions): Map<string, Uint8Array> {
  const { suite = "bookworm", packages, indexes = [".xz", ".gz"], acquireByHash = true } = options;
  const files = new Map<string, Uint8Array>();
  const stanzas = packages.map((item) => addPackage(files, item));
  const architectures = options.architectures ?? architecturesOf(packages);
  const lines: string[] = [];
  for (const architecture of [...architectures].sort(compareOrdinal)) {
    const dir = `${component}/binary-${architecture}`;
    const plain = Buffer.from(encodePackages(stanzas, architecture));
    for (const suffix of ["", ".gz", ".xz"] as const) {
      const bytes = compress(plain, suffix === "" ? "none" : suffix === ".gz" ? "gzip" : "xz");
      if (suffix !== "" && !indexes.includes(suffix)) continue;
      lines.push(` ${hexOf(digestOf(bytes))} ${String(bytes.length).padStart(8)} ${dir}/Packages${suffix}`);
      if (!indexes.includes(suffix)) continue;
      files.set(`dists/${suite}/${dir}/Packages${suffix}`, bytes);
      if (acquireByHash) files.set(`dists/${suite}/${dir}/by-hash/SHA256/${hexOf(digestOf(bytes))}`, bytes);
    }
  }
  files.set(
    `dists/${suite}/Release`,
    Buffer.from(encodeRelease({ ...options, suite, acquireByHash, architectures }, lines)),
  );
  return files;
}

interface PoolStanza {
  readonly architecture: string;
  readonly order: string;
  readonly text: string;
}

function addPackage(files: Map<string, Uint8Array>, options: DebOptions): PoolStanza {
  const { Package: name = "", Version: version = "", Architecture: architecture = "" } = options.fields;
  const bytes = buildDeb(options);
  const letter = name.startsWith("lib") ? name.slice(0, 4) : name.slice(0, 1);
  // The epoch is no part of a file's name.
  const path = `pool/${component}/${letter}/${name}/${name}_${version.replace(/^[0-9]+:/, "")}_${architecture}.deb`;
  files.set(path, bytes);
  const fields = {
    ...controlFieldsOf(options.fields),
    Filename: path,
    Size: String(bytes.length),
    SHA256: hexOf(digestOf(bytes)),
  };
  const text = Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("");
  return { architecture, order: `${name} ${version} ${architecture}`, text };
}

/** The index of one architecture also holds the packages of "all". */
function encodePackages(stanzas: readonly PoolStanza[], architecture: string): string {
  const own = stanzas.filter((item) => item.architecture === architecture || item.architecture === "all");
  return own
    .sort((a, b) => compareOrdinal(a.order, b.order))
    .map(({ text }) => `${text}\n`)
    .join("");
}

function architecturesOf(packages: readonly DebOptions[]): string[] {
  const named = packages.map(({ fields }) => fields["Architecture"] ?? "").filter((name) => name !== "all");
  return [...new Set(named)];
}

function encodeRelease(
  options: ArchiveOptions & { readonly suite: string; readonly architectures: readonly string[] },
  lines: readonly string[],
): string {
  const {
    suite,
    codename = suite,
    dateSeconds = fixtureDateSeconds,
    validUntilSeconds,
    architectures,
  } = options;
  const fields: Record<string, string> = {
    Origin: "Ashlar",
    Label: "Ashlar",
    Suite: suite,
    Codename: codename,
    Date: encodeDate(dateSeconds),
    ...(validUntilSeconds === undefined ? {} : { "Valid-Until": encodeDate(validUntilSeconds) }),
    "Acquire-By-Hash": options.acquireByHash === true ? "yes" : "no",
    "No-Support-for-Architecture-all": "Packages",
    Architectures: ["all", ...architectures].join(" "),
    Components: component,
    Description: "Fixture archive of the tests",
    SHA256: ["", ...lines].join("\n"),
    ...options.release,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("")
    .replaceAll(": \n", ":\n");
}

/** "Sat, 01 Jun 2024 12:00:00 UTC" */
function encodeDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString().replace("GMT", "UTC");
}
