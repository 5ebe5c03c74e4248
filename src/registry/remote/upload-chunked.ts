// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import { answerError } from "./answer-error.ts";
import type { Chunks } from "./chunks.ts";
import { hasBlob } from "./has-blob.ts";
import type { HttpAnswer, HttpRequest } from "./registry-http.ts";
import { type Repository, send } from "./repository.ts";
import { isPassing, retryAfterMs, Tries } from "./retrying-http.ts";
import { finishAddress, locationOf, type Upload } from "./upload.ts";

interface StreamUpload {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly upload: Upload;
  readonly chunks: Chunks;
}

export interface ChunkedUpload extends StreamUpload {
  readonly chunkBytes: number;
}

const bytesType = { "content-type": "application/octet-stream" };

/**
 * Uploads in chunks (distribution-spec 1.1, "Pushing a blob in chunks"), each kept until the registry has it: after
 * a cut it is asked how far it came, and gets the rest. A registry that takes no chunk gets the whole in one
 * stream. Throws `REGISTRY_UPLOAD_LOST` where the registry no longer knows the upload, and errors of the registry.
 */
export async function uploadChunked(work: ChunkedUpload): Promise<void> {
  const { repository, descriptor, chunks, chunkBytes } = work;
  let { url } = work.upload;
  let sent = 0;
  for (;;) {
    const chunk = await chunks.next(chunkBytes);
    if (chunk.length === 0) break;
    const next = await sendChunk(repository, { url, chunk, start: sent, descriptor });
    if (next === undefined) return uploadStream(work, chunk);
    url = next;
    sent += chunk.length;
  }
  await finish(repository, finishAddress(url, descriptor.digest), descriptor);
}

interface Chunk {
  readonly url: URL;
  readonly chunk: Uint8Array;
  /** Its position in the blob. */
  readonly start: number;
  readonly descriptor: Descriptor;
}

/** Returns where the upload goes on; undefined where the registry refuses the very first chunk. */
async function sendChunk(repository: Repository, { url, chunk, start, descriptor }: Chunk): Promise<URL | undefined> {
  const tries = new Tries(repository.retry);
  const end = start + chunk.length;
  let at = start;
  let current = url;
  for (;;) {
    const { answer, why } = await patch(repository, current, { body: chunk.subarray(at - start), at });
    if (answer !== undefined && isAccepted(answer)) {
      await answer.discard();
      return locationOf(answer) ?? current;
    }
    const isRefused = answer !== undefined && !isPassing(answer.status);
    if (isRefused && start === 0 && at === 0 && refusesChunks(answer)) {
      await answer.discard();
      return undefined;
    }
    if (isRefused && answer.status !== 416) {
      if (answer.status === 404) throw await forgotten(answer, repository, descriptor);
      throw await answerError(answer, `upload blob "${descriptor.digest}" to "${repository.label}"`);
    }
    await answer?.discard();
    const wait = answer === undefined ? undefined : retryAfterMs(answer);
    if (!(await tries.next(repository.registry.host, why, wait))) throw lost(repository, descriptor, why);
    const status = await askStatus(repository, current);
    if (status === undefined || status.received < at || status.received > end) throw lost(repository, descriptor, why);
    tries.progress(status.received - at);
    at = status.received;
    current = status.url;
    if (at === end) return current;
  }
}

interface Sent {
  readonly answer?: HttpAnswer;
  readonly why: string;
}

function patch(
  repository: Repository,
  url: URL,
  { body, at }: { readonly body: Uint8Array; readonly at: number },
): Promise<Sent> {
  const headers = { ...bytesType, "content-range": `${at}-${at + body.length - 1}` };
  return sendOnce(repository, { method: "PATCH", url, headers, body });
}

async function sendOnce(repository: Repository, request: HttpRequest): Promise<Sent> {
  try {
    const answer = await send(repository, { ...request, once: true });
    return { answer, why: `HTTP status ${answer.status}` };
  } catch (error) {
    if (isAshlarError(error, "REGISTRY_UNREACHABLE")) return { why: error.message };
    throw error;
  }
}

function isAccepted({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

function refusesChunks({ status }: HttpAnswer): boolean {
  return [400, 404, 405, 411, 415, 501].includes(status);
}

interface UploadStatus {
  readonly url: URL;
  /** Bytes from the blob's beginning. */
  readonly received: number;
}

/** How far an upload came; undefined where the registry does not know it any more. */
async function askStatus(repository: Repository, url: URL): Promise<UploadStatus | undefined> {
  const answer = await send(repository, { method: "GET", url });
  await answer.discard();
  if (answer.status !== 204) return undefined;
  const match = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.headers["range"] ?? "");
  const last = match === null ? -1 : Number(match[1]);
  // "0-0" is said by registries for no byte as for one; a byte sent again would do harm, so it counts as none.
  return { url: locationOf(answer) ?? url, received: last <= 0 ? 0 : last + 1 };
}

async function finish(repository: Repository, url: URL, descriptor: Descriptor): Promise<void> {
  const answer = await send(repository, { method: "PUT", url, headers: bytesType, body: new Uint8Array(0) });
  if (isAccepted(answer)) return answer.discard();
  if (answer.status === 404) {
    // A first try may have been answered into a connection that was cut.
    if (await hasBlob(repository, descriptor)) return answer.discard();
    throw await forgotten(answer, repository, descriptor);
  }
  throw await answerError(answer, `upload blob "${descriptor.digest}" to "${repository.label}"`);
}

/**
 * Uploads a blob, `first` and what is left of it, in one stream, which can be sent only once. Throws
 * `REGISTRY_UPLOAD_LOST`, after a wait, where another try may succeed, and errors of the registry.
 */
export async function uploadStream(
  { repository, descriptor, upload, chunks }: StreamUpload,
  first: Uint8Array = new Uint8Array(0),
): Promise<void> {
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield first;
    yield* chunks.remaining();
  }
  const { sizeBytes, digest } = descriptor;
  const headers = { ...bytesType, "content-length": String(sizeBytes) };
  const url = finishAddress(upload.url, digest);
  const { answer, why } = await sendOnce(repository, { method: "PUT", url, headers, body: whole() });
  if (answer !== undefined && isAccepted(answer)) return answer.discard();
  if (answer !== undefined && !isPassing(answer.status) && answer.status !== 404) {
    throw await answerError(answer, `upload blob "${digest}" to "${repository.label}"`);
  }
  await answer?.discard();
  const wait = answer === undefined ? undefined : retryAfterMs(answer);
  await new Tries(repository.retry).next(repository.registry.host, why, wait);
  throw lost(repository, descriptor, why);
}

async function forgotten(answer: HttpAnswer, repository: Repository, descriptor: Descriptor): Promise<AshlarError> {
  await answer.discard();
  return lost(repository, descriptor, "HTTP status 404");
}

function lost(repository: Repository, descriptor: Descriptor, why: string): AshlarError {
  const text = `Cannot upload blob "${descriptor.digest}" to "${repository.label}": ${why}`;
  return new AshlarError("REGISTRY_UPLOAD_LOST", `${text}; it can only be sent again from its beginning`);
}
