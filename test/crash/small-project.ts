// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import type { Project } from "../../src/build/index.ts";
import { readLock, writeLock } from "../../src/cli/lock-file.ts";
import { buildArchive } from "../../src/debian/testing/build-archive.ts";
import type { DebOptions } from "../../src/debian/testing/build-deb.ts";
import { openFetcher } from "../../src/fetch/index.ts";
import { publicKeyOf, signArchive } from "../../src/fetch/testing/sign-archive.ts";
import { resolveLock } from "../../src/lock/index.ts";
import { type Document, documentDigest, imagesOf, readSpec } from "../../src/spec/index.ts";
import type { Store } from "../../src/store/index.ts";

/** 1 June 2025: the day of the archive. */
const dateSeconds = 1_748_736_000;

const specText = `ashlar: image/v1
name: crash/small
from: debian:fixture
platforms: [linux/amd64]
system: { install: unpack, packages: [small-tool] }
expect: { closure: warn }
app:
  - copy: { from: "site/**", to: /srv/ }
  - write: { to: /etc/small.conf, text: "listen 8080\\n", mode: "0640" }
config: { entrypoint: [/usr/bin/tool] }
`;

/** What the project's spec says later: another line in the image, and a file less. */
const changedText = specText.replace("8080", "8081").replace("site/**", "site/*.html");

/** The same image under another name. */
const otherText = specText.replace("crash/small", "crash/other");

const packages: readonly DebOptions[] = [
  {
    fields: { Package: "small-tool", Version: "1.0", Architecture: "amd64", Depends: "small-data" },
    files: {
      "usr/bin/tool": { type: "file", content: "#!/bin/none\n", mode: 0o755 },
      "usr/bin/alias": { type: "symlink", target: "tool", mode: 0o777 },
      "usr/share/doc/small-tool/copyright": "none",
    },
    compression: "gzip",
  },
  {
    fields: { Package: "small-data", Version: "2.1", Architecture: "all" },
    files: {
      "usr/share/data/one": "one",
      "usr/share/data/same": "one",
      "usr/share/data/two": { type: "hardlink", target: "usr/share/data/one" },
      // Larger than a batch of a pack, and does not compress to less than one.
      "usr/share/data/large": noise(1_300_000),
    },
  },
];

function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 7;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Writes two projects without locks, and the archive they are to be locked to, below a directory. */
export async function writeProjects(base: string): Promise<void> {
  const archive = buildArchive({ suite: "fixture", dateSeconds, packages });
  await signArchive(archive, { dateSeconds });
  const files: (readonly [string, string | Uint8Array])[] = [
    ...[...archive].map(([path, bytes]) => [`archive/${path}`, bytes] as const),
    ["project/ashlar.yaml", specText],
    ["project/site/index.html", "<h1>small</h1>\n"],
    ["project/site/deep/empty", ""],
    ["project/site/deep/old", noise(5000)],
    ["other/ashlar.yaml", otherText],
    ["other/site/index.html", "<h1>other</h1>\n"],
  ];
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), bytes);
  }
}

/**
 * Locks a project to the archive as `ashlar lock` does, but for whom the archive's key belongs to: the command
 * trusts Debian's own for a suite without an address.
 */
export async function lockProject(base: string, name: string, store: Store): Promise<void> {
  const project = projectOf(base, name);
  const document = await readDocument(project);
  const fetcher = openFetcher({ area: store });
  try {
    const mirrors = { mirror: pathToFileURL(join(base, "archive")).href };
    const request = { document: await withTestKey(document), fetcher, store, mirrors, nowSeconds: dateSeconds };
    const lock = await resolveLock({ ...request, previous: readLock(project) });
    writeLock(project, { ...lock, document: documentDigest(document) });
  } finally {
    await fetcher.close();
  }
}

/** Edits the spec, and takes over what the lock has: what it asks of the archive is the same. */
export async function changeProject(base: string): Promise<void> {
  const project = projectOf(base, "project");
  writeFileSync(join(project.dir, "ashlar.yaml"), changedText);
  const lock = readLock(project);
  if (lock === undefined) throw new Error("the project has no lock");
  writeLock(project, { ...lock, document: documentDigest(await readDocument(project)) });
}

function projectOf(base: string, name: string): Project {
  const dir = join(base, name);
  return { dir, lockPath: join(dir, "ashlar.lock"), lockName: `${name}/ashlar.lock` } as Project;
}

async function readDocument({ dir }: Project): Promise<Document> {
  const text = readFileSync(join(dir, "ashlar.yaml"), "utf8");
  const read = await readSpec({ file: "ashlar.yaml", text, parameters: {}, readModule: () => undefined });
  return read.document;
}

async function withTestKey(document: Document): Promise<Document> {
  const signedBy = await publicKeyOf("main");
  const trusting = structuredClone(document) as Document;
  for (const { from } of Object.values(imagesOf(trusting))) {
    if (from.kind === "debian") for (const source of from.sources) Object.assign(source, { signedBy });
  }
  return trusting;
}
