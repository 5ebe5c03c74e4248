// SPDX-License-Identifier: Apache-2.0
import { createReadStream, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { isSystemError } from "../base/index.ts";
import { Fault } from "./download-faults.ts";
import type { Answer, Transport } from "./transport.ts";

const noBody: AsyncIterable<Uint8Array> = (async function* () {})();
const notFound: Answer = { status: 404, headers: {}, body: noBody, discard: async () => {} };

/** A directory tree as a mirror: `file:` addresses. */
export const fileTransport: Transport = {
  async get(url, { offset = 0 }) {
    const path = fileURLToPath(url);
    const sizeBytes = orFault(() => sizeOf(path));
    if (sizeBytes === undefined) return notFound;
    if (offset > sizeBytes) return { ...notFound, status: 416 };
    const stream = createReadStream(path, { start: offset, highWaterMark: 1 << 20 });
    const range = offset > 0 ? { "content-range": `bytes ${offset}-${sizeBytes - 1}/${sizeBytes}` } : {};
    return {
      status: offset > 0 ? 206 : 200,
      headers: { "content-length": String(sizeBytes - offset), ...range },
      body: bytesOf(stream),
      discard: async () => void stream.destroy(),
    };
  },
  async close() {},
};

/** A disk that fails there is the mirror's fault, not that of ours. */
function orFault<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw faultOfMirror(error);
  }
}

async function* bytesOf(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const bytes = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await bytes.next().catch((error: unknown) => {
        throw faultOfMirror(error);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await bytes.return?.();
  }
}

function faultOfMirror(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return new Fault(isSystemError(error, "EACCES", "EPERM") ? "wrong" : "broken", error.message);
}

function sizeOf(path: string): number | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() ? stat.size : undefined;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}
