// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import { connectionError } from "./connection-error.ts";
import type { HttpAnswer } from "./registry-http.ts";

/** What documents have at most, but for rare ones, which may take the time of these. */
export const usualBytes = 256 << 10;

/**
 * Reads a body of bounded size. Throws `REGISTRY_ANSWER` where it is larger or encoded, `REGISTRY_UNREACHABLE`
 * where it breaks off.
 */
export async function readBody(answer: HttpAnswer, bytesMax: number): Promise<Uint8Array> {
  await refuseEncoded(answer);
  const pieces: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const piece of answer.body) {
      total += piece.length;
      if (total > bytesMax) throw tooLarge(answer.url, bytesMax);
      pieces.push(Uint8Array.from(piece));
    }
  } catch (error) {
    await answer.discard();
    throw isAshlarError(error) ? error : connectionError(answer.url, error);
  }
  return Buffer.concat(pieces);
}

/** Refuses an encoded body: nobody asked for it, and it may expand to anything. */
export async function refuseEncoded(answer: HttpAnswer): Promise<void> {
  const encoding = answer.headers["content-encoding"];
  if (encoding === undefined || encoding === "" || encoding.toLowerCase() === "identity") return;
  await answer.discard();
  const text = `Cannot read the answer of "${answer.url.host}": its Content-Encoding is "${encoding.slice(0, 100)}"`;
  throw new AshlarError("REGISTRY_ANSWER", `${text}, want the bytes as they are`);
}

function tooLarge(url: URL, bytesMax: number): AshlarError {
  const text = `Cannot read the answer of "${url.host}": it has more than ${bytesMax} bytes, want fewer`;
  return new AshlarError("REGISTRY_ANSWER", text);
}
