// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { buildArchive } from "../../src/debian/testing/build-archive.ts";
import type { DebOptions } from "../../src/debian/testing/build-deb.ts";
import { signArchive } from "../../src/fetch/testing/sign-archive.ts";
import { encodeLock } from "../../src/lock/index.ts";
import { type Document, documentDigest, readSpec } from "../../src/spec/index.ts";
import { lockTo } from "../fixture.ts";
import { randomFrom } from "./random.ts";

const dateSeconds = 1_748_736_000;
const packageCount = 12;

/** Images that have packages and files in common, for several builders that each call them by names of their own. */
export interface Fleet {
  readonly keys: readonly string[];
  readonly archive: ReadonlyMap<string, Uint8Array>;
  /** Writes the project of one builder: the same images below `registry.example/OWNER`. */
  writeProject(dir: string, owner: string): Promise<void>;
}

/** Makes a signed archive and the images of its packages: each has some of them, and an application. */
export async function makeFleet(imageCount: number): Promise<Fleet> {
  const archive = buildArchive({ suite: "fixture", dateSeconds, packages: packages() });
  await signArchive(archive, { dateSeconds });
  const keys = Array.from({ length: imageCount }, (_, i) => `image-${i}`);
  const lock = await lockTo(archive, await documentOf(specText(keys, "nobody")));
  return {
    keys,
    archive,
    async writeProject(dir, owner) {
      const text = specText(keys, owner);
      const own = { ...lock, document: documentDigest(await documentOf(text)) };
      const files = { "ashlar.yaml": text, "ashlar.lock": encodeLock(own), "site/index.html": "<h1>Fleet</h1>\n" };
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), content);
      }
    },
  };
}

async function documentOf(text: string): Promise<Document> {
  const { document } = await readSpec({ file: "ashlar.yaml", text, parameters: {}, readModule: () => undefined });
  return document;
}

/** Some files are those of other packages too, some large enough to be of several frames. */
function packages(): DebOptions[] {
  return Array.from({ length: packageCount }, (_, number) => {
    const random = randomFrom(number);
    const bytes = (size: number): Buffer => Buffer.from(Array.from({ length: size }, () => 97 + random.below(20)));
    const name = `fleet-${number}`;
    return {
      fields: { Package: name, Version: "1.0-1", Architecture: "amd64" },
      files: {
        [`usr/share/${name}/own`]: bytes(20_000 + 3000 * number),
        [`usr/share/${name}/shared`]: `the same in three packages: ${number % 4}`,
        [`usr/share/${name}/large`]: number === 0 ? Buffer.alloc(4_500_000, "large ") : `small ${number}`,
        [`usr/share/${name}/link`]: { type: "symlink", target: "own" },
      },
      compression: (["xz", "gzip", "zstd"] as const)[number % 3] as "xz",
    };
  });
}

function specText(keys: readonly string[], owner: string): string {
  const images = keys.map((key, i) => {
    const wanted = Array.from({ length: packageCount }, (_, number) => number);
    const names = wanted.filter((number) => (number * 7 + i * 5) % 12 < 4 + (i % 5)).map((number) => `fleet-${number}`);
    return `  ${key}:
    from: debian:fixture
    platforms: [linux/amd64]
    system: { install: unpack, packages: [${names.join(", ")}] }
    expect: { closure: warn }
    app:
      - copy: { from: "site/**", to: /srv/www/, mode: a=rX }
      - write: { to: /etc/image.conf, text: "image ${i}\\n" }
    config: { env: { IMAGE: "${i}" } }
`;
  });
  return `ashlar: fleet/v1\nregistry: registry.example/${owner}\nimages:\n${images.join("")}`;
}
