// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Fault, Locator } from "./fault.ts";

export interface SpecText {
  /** The name errors show; its directory is the project, its ending tells the form. */
  readonly file: string;
  readonly text: string;
  /** The values of `--set name=value`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The text of a file of the project by its path from there, or undefined where there is none. */
  readonly readModule?: ((path: string) => string | undefined) | undefined;
}

/** What a spec of any form says, as plain data, before it is checked. */
export interface Source {
  readonly value: unknown;
  readonly faults: readonly Fault[];
  readonly locator: Locator;
  /** Further files that were read. */
  readonly inputs: readonly { readonly path: string; readonly digest: Digest }[];
}
