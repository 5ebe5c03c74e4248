// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Json } from "../../base/index.ts";
import { pruneSuperseded } from "../../build/index.ts";
import { nameRef } from "../../image/index.ts";
import type { Ref, Store } from "../../store/index.ts";
import { shownRef } from "../broken-images.ts";
import { openForReading, openToMakeRoom } from "../open-store.ts";
import { preferMemory } from "../prefer-memory.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { printable, showBytes } from "../show.ts";

interface GcOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly purge?: boolean;
}

/** How long gc waits for builds that are running. */
const gcWaitMs = 60_000;

/** `ashlar store gc` */
export async function gc(shell: Shell, options: GcOptions): Promise<Outcome> {
  preferMemory();
  const store = await openToMakeRoom(shell, options);
  try {
    const forgotten = options.prune && !options.dryRun ? pruneSuperseded(store) : 0;
    const report = store.gc({ dryRun: options.dryRun === true, purge: options.purge === true, waitMs: gcWaitMs });
    const { removedContents, removedDownloads, removedPacks, freedBytes } = report;
    const verb = options.dryRun ? "would free" : "freed";
    const what = `${removedContents} contents, ${removedPacks} packs, ${removedDownloads} downloads`;
    return {
      text: `${verb} ${showBytes(freedBytes)}: ${what}\n`,
      json: { ...report, forgotten } as unknown as Json,
    };
  } finally {
    store.close();
  }
}

/** `ashlar store forget NAME...`: the name, and the build that it points to. Throws `IMAGE_NOT_FOUND`. */
export async function forget(shell: Shell, names: readonly string[], options: GlobalOptions): Promise<Outcome> {
  const store = await openForReading(shell, options);
  try {
    const refs = names.flatMap((name) => refsOf(store, name));
    for (const { name } of refs) store.deleteRef(name);
    const forgotten = refs.map(({ name }) => shownRef(name));
    return { text: forgotten.map((name) => `forgot ${printable(name)}\n`).join(""), json: { forgotten } };
  } finally {
    store.close();
  }
}

/** By the names alone: nothing that they point to need be whole. */
function refsOf(store: Store, text: string): Ref[] {
  const refs = store.listRefs();
  const named = refs.find(({ name }) => name === nameRef(text) || name === text);
  if (named !== undefined) {
    const own = text.replace(/@sha256:[0-9a-f]{64}$/, "");
    const isSame = ({ name }: Ref): boolean => name === nameRef(own) || name.startsWith(`${nameRef(own)}@`);
    return refs.filter((ref) => ref === named || (ref.target === named.target && isSame(ref)));
  }
  throw new AshlarError("IMAGE_NOT_FOUND", `Cannot forget "${text}": the store has no such name`, {
    hint: "want NAME or NAME@sha256:DIGEST as `ashlar store fsck` shows it",
  });
}
