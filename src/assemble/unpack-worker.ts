// SPDX-License-Identifier: Apache-2.0
import { parentPort, workerData } from "node:worker_threads";

import { AshlarError } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { openStore } from "../store/index.ts";
import { type UnpackTask, unpackDeb } from "./unpack.ts";

/** What a worker answers; errors cross the thread as their parts. */
export type UnpackAnswer =
  | { readonly kind: "done"; readonly record: string }
  | { readonly kind: "refused"; readonly code: string; readonly message: string; readonly parts: object }
  | { readonly kind: "failed"; readonly error: unknown };

const port = parentPort;
if (port !== null) {
  const { storeDir } = workerData as { storeDir: string };
  const opening = loadCompressor().then((compressor) => openStore(storeDir, { compressor }));
  port.on("message", async (task: UnpackTask) => {
    try {
      const record = await unpackDeb(await opening, task);
      port.postMessage({ kind: "done", record } satisfies UnpackAnswer);
    } catch (error) {
      port.postMessage(answerOf(error));
    }
  });
}

function answerOf(error: unknown): UnpackAnswer {
  if (!(error instanceof AshlarError)) return { kind: "failed", error };
  const { code, message, hint, where, because, details } = error;
  return { kind: "refused", code, message, parts: { hint, where, because, details } };
}
