// SPDX-License-Identifier: Apache-2.0
import type { HttpRequest } from "./registry-http.ts";

/** A body on its way, watched: what the connection does not take for long has been lost. */
export interface SentBody {
  readonly pieces: AsyncIterable<Uint8Array> | undefined;
  /** Fires when nothing more of the body is taken, or no answer comes after its end. */
  readonly signal: AbortSignal;
  /** What the stream itself threw, which the client may hide behind an error of its own. */
  readonly fault: () => { readonly error: unknown } | undefined;
  /** Ends watching; the answer has come, or an error. */
  stop(): void;
}

const pieceBytes = 64 << 10;
/** A registry may work on what came for longer than a connection may be silent otherwise. */
const answerFactor = 10;

/** Takes a body apart into pieces that are its own, and watches that each is taken within `idleTimeoutMs`. */
export function watchBody(body: HttpRequest["body"], idleTimeoutMs: number): SentBody {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let fault: { readonly error: unknown } | undefined;
  const stop = (): void => clearTimeout(timer);
  const start = (timeoutMs: number): void => {
    stop();
    timer = setTimeout(() => controller.abort(new Error(`nothing was taken for ${timeoutMs} ms`)), timeoutMs);
  };
  async function* pass(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of source) {
        start(idleTimeoutMs);
        yield piece;
        // The source may take its time.
        stop();
      }
      start(idleTimeoutMs * answerFactor);
    } catch (error) {
      fault = { error };
      throw error;
    }
  }
  const source = body instanceof Uint8Array ? slices(body) : body === undefined ? undefined : copies(body);
  return { pieces: source && pass(source), signal: controller.signal, fault: () => fault, stop };
}

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** A source may use its buffer again while the socket still holds it. */
async function* copies(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Uint8Array.from(piece);
}
