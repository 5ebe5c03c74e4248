// SPDX-License-Identifier: Apache-2.0
import { readDeb } from "./deb.ts";
import { parseControl } from "./control.ts";
import { parseDiversions } from "./dpkg/diversions.ts";
import { statusStanza } from "./dpkg/status-stanza.ts";
import { parseFileInterests, parseTriggers } from "./dpkg/triggers.ts";
import { parsePackages } from "./packages-index.ts";
import { parseRelations } from "./relation.ts";
import { parseRelease } from "./release.ts";
import { buildArchive } from "./testing/build-archive.ts";
import { buildDeb, type DebCompression, type DebOptions } from "./testing/build-deb.ts";
import { compareVersions, parseVersion } from "./version.ts";

interface FuzzTarget {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}

const options: DebOptions = {
  fields: {
    Package: "hello",
    Version: "1:2.0-1",
    Architecture: "amd64",
    Depends: "libc6 (>= 2.36), a:any | b (<< 1~),\n c",
    Provides: "greeter (= 2), hi",
    Description: "short\n long\n .\n more",
  },
  files: {
    "usr/bin/hello": { type: "file", content: "#!/bin/sh\n", mode: 0o755 },
    "usr/bin/hi": { type: "symlink", target: "hello" },
  },
  control: { postinst: "#!/bin/sh\n" },
};

/** The files of dpkg's database and of packages for it. */
const dpkgTargets: readonly FuzzTarget[] = [
  {
    name: "debian/diversions",
    seeds: () => ["/usr/bin/a\n/usr/bin/a.distrib\nb\n/etc/x y\n/etc/z\n:\n"].map(bytesOf),
    run: (bytes) => void parseDiversions(bytes),
  },
  {
    name: "debian/triggers",
    seeds: () => ["# x\ninterest /usr/share/man\nactivate-noawait ldconfig\n"].map(bytesOf),
    run: (bytes) => void parseTriggers(bytes),
  },
  {
    name: "debian/file interests",
    seeds: () => ["/usr/share/man man-db/noawait\n/lib libc-bin\n"].map(bytesOf),
    run: (bytes) => void parseFileInterests(bytes),
  },
  {
    name: "debian/status stanza",
    seeds: () => [Buffer.from("Package: a\nStatus: x\nConffiles:\n /x y\nDescription: d\n more\n")],
    run(bytes) {
      const control = Buffer.from(bytes).toString("utf8");
      const made = statusStanza(control, { status: "install ok unpacked", conffiles: [" /a newconffile"] });
      if (made !== undefined && /\n[ \t]*\n./.test(made)) throw new Error("two stanzas of one");
    },
  },
];

/** The parsers of this folder, for the mutation suite. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: "debian/deb",
    seeds: () =>
      (["none", "gzip", "xz", "zstd"] as DebCompression[]).map((compression) =>
        buildDeb({ ...options, compression }),
      ),
    run(bytes) {
      const { data } = readDeb({
        sizeBytes: bytes.length,
        read: (offset, length) => bytes.subarray(offset, offset + length),
      });
      for (const piece of data.chunks()) if (piece.length === 0) throw new Error("an empty piece");
    },
  },
  { name: "debian/control", seeds: archiveFiles, run: (bytes) => void parseControl(bytes) },
  { name: "debian/release", seeds: archiveFiles, run: (bytes) => void parseRelease(bytes) },
  { name: "debian/packages", seeds: archiveFiles, run: readEverything },
  {
    name: "debian/relation",
    seeds: () =>
      ["a (>= 1), b | c:any (<< 2~) [amd64 !i386] <!x> <y z>,\n d", options.fields["Depends"] ?? ""].map(
        bytesOf,
      ),
    run: (bytes) => void parseRelations(Buffer.from(bytes).toString("latin1")),
  },
  ...dpkgTargets,
  {
    name: "debian/version",
    seeds: () => ["1:2.0~rc1-1+b2", "0", "1-2-3.4~5"].map(bytesOf),
    run(bytes) {
      const text = Buffer.from(bytes).toString("latin1");
      parseVersion(text);
      if (compareVersions(text, `${text}~`) <= 0 || compareVersions(text, `${text}+`) >= 0)
        throw new Error(`${text} is out of order`);
    },
  },
];

function archiveFiles(): Uint8Array[] {
  const files = buildArchive({ packages: [options], indexes: [""] });
  return [...files].filter(([path]) => !path.endsWith(".deb")).map(([, bytes]) => bytes);
}

/** Asks for all that is read lazily. */
function readEverything(bytes: Uint8Array): void {
  const index = parsePackages(bytes, { architecture: "amd64", source: "test" });
  const found = [...index.packages, ...index.basePackages, ...index.providersOf("greeter")];
  for (const { depends, preDepends, recommends, conflicts, breaks, provides, replaces } of found) {
    if (
      [depends, preDepends, recommends, conflicts, breaks, provides, replaces]
        .flat()
        .some((group) => group.length === 0)
    ) {
      throw new Error("a group without alternatives");
    }
  }
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
