// SPDX-License-Identifier: Apache-2.0
import { digestOf } from "../base/index.ts";
import { encodeLock } from "./encode-lock.ts";
import type { LockedPackage } from "./lock.ts";
import { parseLock } from "./parse-lock.ts";

function lockedPackage(name: string, by: string): LockedPackage {
  return {
    name,
    version: "1:2.3-4",
    architecture: "amd64",
    digest: digestOf(name),
    sizeBytes: 99,
    filename: `pool/${name}.deb`,
    sourceName: name,
    sourceVersion: "2.3",
    from: "bookworm",
    phase: "packages",
    use: "install",
    by: [by],
  };
}

function toldPackage(name: string, by: string): LockedPackage {
  return { ...lockedPackage(name, by), unpacked: { version: 3, record: digestOf("record") } };
}

const platform = "linux/amd64";
const seed = encodeLock({
  document: digestOf("document"),
  compressor: "test/1",
  asked: [
    {
      image: "web",
      from: "debian:bookworm",
      sources: ["bookworm@12345678"],
      base: "none",
      install: "full",
      packages: ["app"],
      steps: { build: ["lib"] },
      platforms: [platform],
    },
  ],
  sources: [
    {
      name: "bookworm",
      suite: "bookworm",
      codename: "bookworm",
      release: digestOf("release"),
      dateSeconds: 1_750_000_000,
      signedBy: ["A".repeat(40)],
    },
  ],
  images: [{ image: "web", platform, packages: [toldPackage("app", "spec"), lockedPackage("lib", "app")] }],
  steps: [{ image: "web", step: "build", platform, packages: [lockedPackage("lib", "spec")] }],
});

/** For `test/long/fuzz.ts`. */
export const fuzzTargets = [
  {
    name: "lock parse",
    seeds: () => [Buffer.from(seed)],
    run: (bytes: Uint8Array) => void parseLock(bytes, "ashlar.lock"),
  },
] as const;
