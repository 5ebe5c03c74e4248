// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ProgressStep } from "../base/index.ts";
import type { ImageSource } from "../oci/index.ts";
import { contentFault, FrameSink, isPieceHere, type SinkOptions } from "./frame-sink.ts";
import { planSpans, type Span, type WantedFile } from "./plan-spans.ts";

export interface FetchOptions extends SinkOptions {
  readonly source: ImageSource;
  /** Tasks at a time. */
  readonly parallel: number;
  readonly shown: ProgressStep;
}

/**
 * Fetches missing files by parts of their blobs. What arrived whole stays in the store when a part fails, so that
 * the next try goes on from there. Throws what the source throws, `PULL_CONTENT`, `STORE_FRAME_INVALID`.
 */
export async function fetchFiles(files: readonly WantedFile[], options: FetchOptions): Promise<void> {
  const tasks = [...planSpans(files, (frame) => isPieceHere(options.store, frame))];
  const sink = new FrameSink(options);
  let failed: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (let task = tasks.shift(); task !== undefined && failed === undefined; task = tasks.shift()) {
      try {
        for (const span of task) await fetchSpan(span, { ...options, sink });
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, work));
  try {
    if (!sink.settle()) failed ??= { error: contentFault("its frames do not lie in order") };
  } catch (error) {
    failed ??= { error };
  }
  if (failed !== undefined) throw failed.error;
}

interface SpanOptions extends Pick<FetchOptions, "source" | "shown"> {
  readonly sink: FrameSink;
}

async function fetchSpan(span: Span, { source, sink, shown }: SpanOptions): Promise<void> {
  if (source.range === undefined) throw new Error("internal error: the source has no ranges");
  const cutter = new FrameCutter(span, sink);
  for await (const bytes of source.range(span.blob, span)) {
    shown.advance(bytes.length);
    cutter.push(bytes);
  }
  cutter.finish();
}

/** Cuts the bytes of a span into its frames. */
class FrameCutter {
  readonly #span: Span;
  readonly #sink: FrameSink;
  #frame = 0;
  /** Offset in the blob of the next byte. */
  #at: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(span: Span, sink: FrameSink) {
    this.#span = span;
    this.#sink = sink;
    this.#at = span.offset;
  }

  push(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const wanted = this.#span.frames[this.#frame];
      if (wanted === undefined) return;
      const { offset, storedBytes } = wanted.frame;
      const skip = Math.max(0, offset - this.#at);
      const length = Math.min(bytes.length - from, skip > 0 ? skip : storedBytes - this.#heldBytes);
      if (skip === 0) this.#hold(bytes.subarray(from, from + length), wanted.frame.storedBytes);
      from += length;
      this.#at += length;
    }
  }

  #hold(bytes: Uint8Array, storedBytes: number): void {
    this.#held.push(this.#heldBytes + bytes.length < storedBytes ? Uint8Array.from(bytes) : bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes < storedBytes) return;
    const wanted = this.#span.frames[this.#frame++];
    const stored = this.#held.length === 1 ? (this.#held[0] as Uint8Array) : Buffer.concat(this.#held);
    [this.#held, this.#heldBytes] = [[], 0];
    if (wanted !== undefined) this.#sink.take(wanted, stored);
  }

  finish(): void {
    if (this.#frame === this.#span.frames.length) return;
    const { blob, sizeBytes } = this.#span;
    const message = `Cannot read part of blob "${blob.digest}": it ended before ${sizeBytes} bytes`;
    throw new AshlarError("OCI_BLOB_SIZE", message);
  }
}
