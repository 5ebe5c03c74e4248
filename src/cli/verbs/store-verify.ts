// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError, type Json } from "../../base/index.ts";
import { findImage, type NamedRecord, type ProvenPlatform, verifyStored } from "../../build/index.ts";
import type { Store } from "../../store/index.ts";
import { exitCodes } from "../exit-code.ts";
import { openForReading } from "../open-store.ts";
import { makeProgress } from "../progress.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { printable, showBytes, showTable } from "../show.ts";

/** `ashlar store verify IMAGE`. Throws as `findImage`, and where the image's own record is damaged. */
export async function verify(shell: Shell, text: string, options: GlobalOptions): Promise<Outcome> {
  const store = await openForReading(shell, options);
  const lease = store.lease();
  try {
    const named = findNamed(store, text);
    const platforms = await verifyStored(store, named, makeProgress(shell, options));
    const isWhole = platforms.every(({ faults }) => faults.length === 0);
    const name = `${printable(named.name)}@${named.digest}`;
    return {
      text: `${platforms.map(showPlatform).join("")}${name} is ${isWhole ? "whole" : "damaged"}\n`,
      json: { name: named.name, digest: named.digest, whole: isWhole, platforms } as unknown as Json,
      exitCode: isWhole ? exitCodes.done : exitCodes.verification,
    };
  } finally {
    lease.release();
    store.close();
  }
}

/** What a name points to may itself be what is lost. */
function findNamed(store: Store, text: string): NamedRecord {
  try {
    return findImage(store, text);
  } catch (error) {
    if (!isAshlarError(error, "STORE_CONTENT_MISSING")) throw error;
    throw new AshlarError("VERIFY_IMAGE", `Cannot verify image "${text}": its record is lost`, {
      because: [error.message],
      hint: "run `ashlar store fsck`: it says how to bring it back",
      cause: error,
    });
  }
}

function showPlatform({ platform, layers, contents, contentBytes, faults }: ProvenPlatform): string {
  const rows = layers.map(({ name, digest, proven }) => ["", name, digest, proven === "blob" ? "" : "its tar alone"]);
  const wrong = faults.map(({ what, why }) => `  ${printable(what)}: ${printable(why)}\n`);
  return `${platform}: ${contents} contents, ${showBytes(contentBytes)}\n${showTable(rows)}${wrong.join("")}`;
}
