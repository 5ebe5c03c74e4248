// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { addressOf, showAddress } from "./address.ts";
import { backOff, Fault, faultOf, statusFault, trySignal } from "./download-faults.ts";
import type { FetchContext, TextRequest } from "./fetcher.ts";
import type { Answer } from "./transport.ts";

/** Fetches a small file into memory. See `Fetcher.text`. */
export async function downloadText(context: FetchContext, request: TextRequest): Promise<Uint8Array | undefined> {
  const url = addressOf(request.mirror, request.path);
  for (let tries = 1; ; tries++) {
    try {
      const bytes = await tryOnce(context, request, url);
      context.emit({ kind: "done", name: request.name, sizeBytes: bytes.length, cached: false });
      return bytes;
    } catch (error) {
      const fault = faultOf(error, context);
      if (fault.kind === "absent") return undefined;
      if (fault.kind === "wrong" || tries >= context.tryCountMax) throw failed(request, url, fault);
      await backOff(context, request.name, fault, tries);
    }
  }
}

async function tryOnce(context: FetchContext, request: TextRequest, url: URL): Promise<Uint8Array> {
  const { name, maxBytes } = request;
  context.emit({ kind: "start", name, sizeBytes: undefined, from: showAddress(url) });
  const signal = trySignal(context, maxBytes);
  const answer = await context.transportOf(url).get(url, { signal });
  if (answer.status !== 200) {
    await answer.discard();
    throw statusFault(answer);
  }
  return readAll(answer, maxBytes, (bytes) => context.emit({ kind: "bytes", name, bytes }));
}

async function readAll(answer: Answer, maxBytes: number, count: (bytes: number) => void): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const bytes of answer.body) {
    sizeBytes += bytes.length;
    if (sizeBytes > maxBytes) throw new Fault("wrong", `more than ${maxBytes} bytes`);
    pieces.push(bytes);
    count(bytes.length);
  }
  const length = answer.headers["content-length"];
  if (length !== undefined && Number(length) !== sizeBytes) {
    throw new Fault("broken", `${sizeBytes} of ${length} bytes`);
  }
  return Buffer.concat(pieces);
}

function failed(request: TextRequest, url: URL, fault: Fault): AshlarError {
  const message = `Cannot fetch ${request.name} from "${showAddress(url)}": ${fault.message}`;
  return new AshlarError("FETCH_FAILED", message, { details: { address: showAddress(url) } });
}
