// SPDX-License-Identifier: Apache-2.0
import { isAshlarError } from "../base/index.ts";
import type { IndexDatabase } from "./index-database.ts";
import type { Layout } from "./layout.ts";
import type { FsckOptions, FsckReport, Store } from "./store.ts";
import { isHindrance, readTwice } from "./system-fault.ts";

export interface FsckParts {
  readonly layout: Layout;
  readonly index: IndexDatabase;
  /** What is wrong with the database of refs. */
  readonly refFaults: () => readonly string[];
  /** The list of adopted files: what is wrong with it, and how to be rid of it. */
  readonly adopted: { readonly faults: () => readonly string[]; readonly drop: () => void };
}

export const rebuildHint = "build or pull the images again that need it";

/** What all checks of a store need, and where they say what they find. */
export class FsckSession {
  readonly store: Store;
  readonly parts: FsckParts;
  readonly options: FsckOptions;
  readonly faults: FsckReport["faults"][number][] = [];

  constructor(store: Store, parts: FsckParts, options: FsckOptions) {
    this.store = store;
    this.parts = parts;
    this.options = options;
  }

  get repairs(): boolean {
    return this.options.repair === true;
  }

  say(what: string, why: string, hint?: string): void {
    this.faults.push(hint === undefined ? { what, why } : { what, why, hint });
  }
}

/** Runs a check; returns the faults it returned or threw. It may run twice. */
export function attempt(check: () => readonly string[] | void): readonly string[] {
  try {
    return readTwice(check) ?? [];
  } catch (error) {
    return [messageOf(error)];
  }
}

/** What an error says of the store. What only says that we could not look is no fault of it, and is thrown on. */
export function messageOf(error: unknown): string {
  if (isAshlarError(error) && !isHindrance(error)) return error.message;
  throw error;
}
