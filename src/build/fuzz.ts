// SPDX-License-Identifier: Apache-2.0
import { dpkgFiles, readBaseWith } from "./testing/dpkg-files.ts";

/** For the mutation suite: on any bytes these return or throw an `AshlarError`, soon and in little memory. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}[] = Object.entries(dpkgFiles).map(([path, text]) => ({
  name: `base packages: ${path}`,
  seeds: () => [Buffer.from(text)],
  run: (bytes) => readBaseWith(path, bytes),
}));
