// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { digestOf } from "../src/base/index.ts";
import { buildArchive } from "../src/debian/testing/build-archive.ts";
import type { DebOptions } from "../src/debian/testing/build-deb.ts";
import { openFetcher } from "../src/fetch/index.ts";
import { makeTestArea } from "../src/fetch/testing/download-dir.ts";
import { publicKeyOf, signArchive } from "../src/fetch/testing/sign-archive.ts";
import { makeElf } from "../src/formats/testing/make-elf.ts";
import { encodeLock, type Lock, resolveLock } from "../src/lock/index.ts";
import { type Document, documentDigest, imagesOf, readSpec } from "../src/spec/index.ts";
import { memoryStore, openStore } from "../src/store/index.ts";

/** 1 June 2025: the day of the archive. */
const dateSeconds = 1_748_736_000;

const specText = `ashlar: fleet/v1
registry: registry.example.com/fixture
images:
  base:
    from: debian:fixture
    platforms: [linux/amd64, linux/arm64]
    system: { install: unpack, packages: [ashlar-tool, ashlar-data], strip: [docs] }
    users: { web: { uid: 10001 } }
    expect: { closure: warn }
    layers: { packages: 2 }
  web:
    from: { image: base }
    platforms: [linux/amd64, linux/arm64]
    app:
      - copy: { from: "site/**", to: /srv/www/, mode: a=rX }
      - copy: { from: "bin/*", to: /usr/local/bin/ }
      - write: { to: /etc/web.conf, text: "listen 8080\\n", owner: web, mode: "0640" }
    config: { entrypoint: [/usr/bin/ashlar-tool], user: web, env: { B: "2", A: "1" }, labels: { z: last, a: first } }
`;

/** Bytes that compress somewhat and are the same everywhere. */
function bytesOf(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = i % 64 < 40 ? 97 + (state >>> 28) : state >>> 24;
  }
  return bytes;
}

function toolFor(architecture: string): DebOptions {
  const elf = makeElf({ wide: true, little: true, needed: ["libashlar.so.1"] });
  return {
    fields: { Package: "ashlar-tool", Version: "2:1.0-3", Architecture: architecture, Depends: "ashlar-lib (>= 1)" },
    files: {
      "usr/bin/ashlar-tool": { type: "file", content: Buffer.concat([elf, Buffer.from(architecture)]), mode: 0o755 },
      "usr/bin/ashlar-alias": { type: "symlink", target: "ashlar-tool", mode: 0o777 },
      "usr/lib/tool/setuid": { type: "file", content: "#!/usr/bin/ashlar-tool\n", mode: 0o4755 },
      "usr/share/doc/ashlar-tool/README": "left out",
      "etc/tool.conf": "key = value\n",
    },
    control: { conffiles: "/etc/tool.conf\n", postinst: "#!/bin/sh\nexit 0\n" },
    compression: architecture === "amd64" ? "xz" : "zstd",
  };
}

function libraryFor(architecture: string): DebOptions {
  return {
    fields: { Package: "ashlar-lib", Version: "1.2", Architecture: architecture, "Multi-Arch": "same" },
    files: { "usr/lib/libashlar.so.1": makeElf({ wide: true, little: true, soname: "libashlar.so.1" }) },
    compression: "gzip",
  };
}

/** For all architectures: names in several scripts and lengths, hard links, large, sparse and empty files. */
const data: DebOptions = {
  fields: { Package: "ashlar-data", Version: "1.0~rc1", Architecture: "all", Source: "ashlar-sources (1.0)" },
  files: {
    "usr/share/data/ISTANBUL": "I",
    "usr/share/data/ilgaz": "i",
    "usr/share/data/äpfel": "a umlaut",
    "usr/share/data/zebra": "z",
    "usr/share/data/A B\tc": "white space",
    [`usr/share/data/${"long-".repeat(40)}name`]: "a name that needs a pax header",
    "usr/share/data/empty": "",
    "usr/share/data/zeros": Buffer.alloc(300_000),
    "usr/share/data/large": bytesOf(7, 4_500_000),
    "usr/share/data/one": { type: "file", content: "linked", mode: 0o640, gid: 42 },
    "usr/share/data/two": { type: "hardlink", target: "usr/share/data/one", mode: 0o640, gid: 42 },
    "usr/share/data/sticky": { type: "dir", mode: 0o3775, gid: 8 },
  },
};

const projectFiles: Readonly<Record<string, string | Uint8Array>> = {
  "ashlar.yaml": specText,
  "site/index.html": "<h1>Ashlar</h1>\n",
  "site/Zoo.txt": "upper case before lower",
  "site/ant.txt": "lower",
  "site/ılık.txt": "dotless",
  "site/İç.txt": "dotted",
  "site/deep/er/page.html": bytesOf(3, 70_000),
  "site/deep/empty": "",
  "bin/start": "#!/usr/bin/ashlar-tool\n",
  "bin/plain": "not executable\n",
  "secret.txt": "named by no copy",
};

/** A project with its lock, and the packages of a signed archive that it is locked to. */
export interface Fixture {
  readonly lockText: string;
  readonly document: Document;
  readonly lock: Lock;
  /** The archive, by path. */
  readonly archive: ReadonlyMap<string, Uint8Array>;
  /** Writes the project below a new directory. */
  writeProject(dir: string): void;
  /** Puts the packages where a build without a network looks for them. */
  fillStore(storeDir: string): void;
}

/** Makes the fixture: the archive is built, signed and locked in memory and a temporary directory. */
export async function makeFixture(): Promise<Fixture> {
  const packages = ["amd64", "arm64"].flatMap((one) => [toolFor(one), libraryFor(one)]);
  const archive = buildArchive({ suite: "fixture", dateSeconds, packages: [...packages, data] });
  await signArchive(archive, { dateSeconds });
  const { document } = await readSpec({
    file: "ashlar.yaml", text: specText, parameters: {}, readModule: () => undefined,
  });
  const lock = await lockTo(archive, document);
  const lockText = Buffer.from(encodeLock(lock)).toString("utf8");
  const debs = [...archive.values()].map((bytes) => [digestOf(bytes), bytes] as const);
  return {
    lockText,
    document,
    lock,
    archive,
    writeProject: (dir) => writeProject(dir, lockText),
    fillStore(storeDir) {
      const store = openStore(storeDir);
      const wanted = new Set(lock.images.flatMap((image) => image.packages.map((item) => item.digest)));
      for (const [digest, bytes] of debs) {
        if (!wanted.has(digest)) continue;
        mkdirSync(dirname(store.downloadPath(digest)), { recursive: true });
        writeFileSync(store.downloadPath(digest), bytes);
      }
      store.close();
    },
  };
}

/** The lock of a document whose packages are those of a signed archive. */
export async function lockTo(archive: ReadonlyMap<string, Uint8Array>, document: Document): Promise<Lock> {
  const resolved = await lockAgainst(archive, await withTestKey(document));
  return { ...resolved, document: documentDigest(document) };
}

/** Debian's own archives are signed by Debian's keys; the fixture's is not, so its key is named for locking. */
async function withTestKey(document: Document): Promise<Document> {
  const signedBy = await publicKeyOf("main");
  const patched = structuredClone(document) as Document;
  for (const { from } of Object.values(imagesOf(patched))) {
    if (from.kind === "debian") for (const source of from.sources) Object.assign(source, { signedBy });
  }
  return patched;
}

async function lockAgainst(archive: ReadonlyMap<string, Uint8Array>, document: Document): Promise<Lock> {
  const base = mkdtempSync(join(tmpdir(), "ashlar-fixture-"));
  using area = makeTestArea();
  const fetcher = openFetcher({ area });
  try {
    for (const [path, bytes] of archive) {
      mkdirSync(dirname(join(base, path)), { recursive: true });
      writeFileSync(join(base, path), bytes);
    }
    const mirrors = { mirror: pathToFileURL(base).href };
    return await resolveLock({ document, fetcher, store: memoryStore(), mirrors, nowSeconds: dateSeconds + 86_400 });
  } finally {
    await fetcher.close();
    rmSync(base, { recursive: true, force: true });
  }
}

function writeProject(dir: string, lockText: string): void {
  for (const [path, content] of [...Object.entries(projectFiles), ["ashlar.lock", lockText] as const]) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  chmodSync(join(dir, "bin/start"), 0o755);
  symlinkSync("index.html", join(dir, "site/start.html"));
}
