// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { nameRef } from "../../image/index.ts";
import type { Ref, Store } from "../../store/index.ts";
import { shownRef } from "../broken-images.ts";
import { openForReading } from "../open-store.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { printable } from "../show.ts";

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
