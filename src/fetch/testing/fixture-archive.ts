// SPDX-License-Identifier: Apache-2.0
import { buildArchive } from "../../debian/testing/build-archive.ts";
import { signArchive, type SignOptions } from "./sign-archive.ts";

export interface FixturePackage {
  readonly name: string;
  /** "1.0" when absent. */
  readonly version?: string;
  /** "amd64" when absent. */
  readonly architecture?: string;
  /** Further fields, e.g. `{ Depends: "libc6" }`. */
  readonly fields?: Readonly<Record<string, string>>;
}

export interface FixtureSuite {
  readonly suite: string;
  readonly dateSeconds: number;
  readonly packages: readonly FixturePackage[];
  readonly architectures?: readonly string[];
  /** Further or replaced fields of the Release file. */
  readonly release?: Readonly<Record<string, string>>;
  readonly keys?: SignOptions["keys"];
  /** Release and Release.gpg instead of InRelease. */
  readonly detached?: boolean;
  /** Last change to the Release file before it is signed. */
  readonly editRelease?: (text: string) => string;
}

/** The files of a signed archive of one suite and component "main", by path below its base. */
export async function fixtureArchive(suite: FixtureSuite): Promise<Map<string, Uint8Array>> {
  const { dateSeconds, keys, detached, editRelease } = suite;
  const files = buildArchive({
    suite: suite.suite,
    codename: suite.suite,
    dateSeconds,
    architectures: suite.architectures ?? ["amd64"],
    packages: suite.packages.map(({ name, version = "1.0", architecture = "amd64", fields = {} }) => ({
      fields: { Package: name, Version: version, Architecture: architecture, ...fields },
    })),
    ...(suite.release === undefined ? {} : { release: suite.release }),
  });
  const path = `dists/${suite.suite}/Release`;
  const text = Buffer.from(files.get(path) as Uint8Array).toString("utf8");
  files.set(path, Buffer.from(editRelease?.(text) ?? text));
  await signArchive(files, { dateSeconds, ...(keys && { keys }), ...(detached && { detached }) });
  return files;
}

/** As in a Release file. */
export function showDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString().replace("GMT", "UTC");
}
