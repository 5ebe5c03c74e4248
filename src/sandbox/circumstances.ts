// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";

import type { Digest } from "../base/index.ts";
import { type Entry, parseElf, type Tree } from "../formats/index.ts";
import type { SandboxCircumstances } from "./sandbox.ts";
import { treeLookup } from "./tree-lookup.ts";

/** What circumstances come to for one run; what cannot be varied here is left as it is. */
export interface Varied {
  readonly env: Readonly<Record<string, string>>;
  /** Files for /run, by path below it. */
  readonly runFiles: Readonly<Record<string, Uint8Array>>;
  readonly directoryOrder: string | undefined;
}

export interface VariedRoot {
  readonly root: Tree;
  readonly platform: string;
  readonly readContent: (content: Digest) => Uint8Array;
}

const hosts: Readonly<Record<string, { readonly platform: string; readonly triplet: string }>> = {
  x64: { platform: "linux/amd64", triplet: "x86_64-linux-gnu" },
  arm64: { platform: "linux/arm64", triplet: "aarch64-linux-gnu" },
};
const libraryPath = "ashlar/libfaketime.so.1";

/** Plans how to vary the clock (libfaketime) and the order of directories (disorderfs). */
export function planCircumstances(
  circumstances: SandboxCircumstances | undefined,
  where: VariedRoot,
): Varied {
  const { clockSeconds = 0, directoryOrder } = circumstances ?? {};
  const library = clockSeconds === 0 ? undefined : fakeTimeFor(where);
  const seconds = `${clockSeconds < 0 ? "" : "+"}${clockSeconds}`;
  const clock = {
    LD_PRELOAD: `/run/${libraryPath}`,
    FAKETIME: seconds,
    // Times of files stay true: what was there before has not become younger.
    NO_FAKE_STAT: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    DONT_FAKE_MONOTONIC: "1",
  };
  return {
    env: library === undefined ? {} : clock,
    runFiles: library === undefined ? {} : { [libraryPath]: library },
    directoryOrder: directoryOrder === undefined ? undefined : orders[directoryOrder],
  };
}

const orders = { reversed: "--reverse-dirents=yes", shuffled: "--shuffle-dirents=yes" } as const;

/** The host's library, where the root has its architecture, what it needs, and no older C library. */
function fakeTimeFor({ root, platform, readContent }: VariedRoot): Uint8Array | undefined {
  const host = hosts[process.arch];
  if (host === undefined || host.platform !== platform) return undefined;
  const path = `/usr/lib/${host.triplet}/faketime/libfaketime.so.1`;
  if (!existsSync(path)) return undefined;
  const library = readFileSync(path);
  const lookUp = treeLookup(root);
  const inRoot = (name: string): Entry | undefined => lookUp(`/lib/${host.triplet}/${name}`)?.entry;
  const needed = parseElf(library)?.needed.filter((name) => !name.startsWith("ld-linux")) ?? [];
  if (!needed.every((name) => inRoot(name)?.type === "file")) return undefined;
  const libc = inRoot("libc.so.6");
  if (libc?.type !== "file") return undefined;
  const text = Buffer.from(readContent(libc.content)).toString("latin1");
  const version = /GNU C Library[^\n]* version (\d+)\.(\d+)/.exec(text);
  return version !== null && isAsNew(version.slice(1).map(Number)) ? library : undefined;
}

function isAsNew([major = 0, minor = 0]: readonly number[]): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const [ownMajor = 0, ownMinor = 0] = (report.header?.glibcVersionRuntime ?? "0.0").split(".").map(Number);
  return ownMajor > 0 && (major > ownMajor || (major === ownMajor && minor >= ownMinor));
}
