// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isAshlarError } from "../../base/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import { answerError } from "./answer-error.ts";
import { Chunks } from "./chunks.ts";
import { describe } from "./connection-error.ts";
import { hasBlob } from "./has-blob.ts";
import type { HttpAnswer } from "./registry-http.ts";
import { addressIn, pullScope, type Repository, send } from "./repository.ts";
import { isPassing, retryAfterMs, Tries } from "./retrying-http.ts";
import { uploadChunked, uploadStream } from "./upload-chunked.ts";
import { cancelUpload, finishAddress, locationOf, type Upload } from "./upload.ts";

export interface UploadOptions {
  /** Repositories of the same registry that may have a blob, the likeliest first. */
  readonly mountFrom: (blob: Digest) => readonly string[];
  /** Up to this size a blob goes in one request. */
  readonly chunkBytes: number;
}

/** Larger pieces than this are not kept in memory because a registry wants them so. */
const chunkBytesMax = 64 << 20;

/**
 * Uploads a blob that the registry lacks: mounted from another repository where that works, in one request where
 * it is small, else in chunks, or in one stream where they would have to be too large. Bytes of a small one are sent
 * only after the source has given all of them without an error. Throws `REGISTRY_UPLOAD_LOST` where an upload can
 * only begin anew, and errors of the registry.
 */
export async function uploadBlob(
  repository: Repository,
  descriptor: Descriptor,
  { bytes, mountFrom, chunkBytes }: UploadOptions & { readonly bytes: AsyncIterable<Uint8Array> },
): Promise<void> {
  const upload = await mountOrBegin(repository, descriptor, mountFrom(descriptor.digest));
  if (upload === undefined) return;
  const chunks = new Chunks(bytes);
  const wanted = Math.max(chunkBytes, upload.chunkBytesMin);
  const work = { repository, descriptor, upload, chunks };
  try {
    if (descriptor.sizeBytes <= Math.min(wanted, chunkBytesMax)) await uploadSmall(work);
    else if (wanted <= chunkBytesMax) await uploadChunked({ ...work, chunkBytes: wanted });
    else await uploadStream(work);
  } catch (error) {
    await chunks.close();
    await cancelUpload(repository, upload);
    throw error;
  }
}

interface Work {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly upload: Upload;
  readonly chunks: Chunks;
}

async function uploadSmall({ repository, descriptor, upload, chunks }: Work): Promise<void> {
  // One byte more than described shows that the source has more; it says so itself when it is read on.
  const body = await chunks.next(descriptor.sizeBytes + 1);
  let current = upload;
  const tries = new Tries(repository.retry);
  for (;;) {
    const { why, wait } = await putWhole(repository, current, { descriptor, body });
    if (why === undefined) return;
    if (why === "too large") {
      const smaller = Math.max(1024, Math.ceil(body.length / 4));
      const next = await beginUpload(repository, descriptor);
      const rest = new Chunks(once(body));
      return uploadChunked({ repository, descriptor, upload: next, chunks: rest, chunkBytes: smaller });
    }
    if (!(await tries.next(repository.registry.host, why, wait))) throw lost(repository, descriptor, why);
    // The answer may have been lost after the work was done.
    if (await hasBlob(repository, descriptor)) return;
    current = await beginUpload(repository, descriptor);
  }
}

interface Outcome {
  /** Undefined when the blob is there. */
  readonly why?: string | undefined;
  readonly wait?: number | undefined;
}

/** Sends once: what broke off has left something behind, so that the next try needs an upload of its own. */
async function putWhole(
  repository: Repository,
  upload: Upload,
  { descriptor, body }: { readonly descriptor: Descriptor; readonly body: Uint8Array },
): Promise<Outcome> {
  const url = finishAddress(upload.url, descriptor.digest);
  const headers = { "content-type": "application/octet-stream" };
  let answer: HttpAnswer;
  try {
    answer = await send(repository, { method: "PUT", url, headers, body, once: true });
  } catch (error) {
    if (!isAshlarError(error, "REGISTRY_UNREACHABLE")) throw error;
    return { why: describe(error) };
  }
  if (answer.status >= 200 && answer.status < 300) {
    await answer.discard();
    return {};
  }
  if (!isPassing(answer.status) && answer.status !== 404 && answer.status !== 413) {
    throw await answerError(answer, `upload blob "${descriptor.digest}" to "${repository.label}"`);
  }
  await answer.discard();
  return answer.status === 413 ? { why: "too large" } : { why: `HTTP ${answer.status}`, wait: retryAfterMs(answer) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Undefined where the blob could be mounted. A mount that is refused is no error: the blob is sent instead. */
async function mountOrBegin(
  repository: Repository,
  descriptor: Descriptor,
  mountFrom: readonly string[],
): Promise<Upload | undefined> {
  for (const from of mountFrom) {
    const url = addressIn(repository, "blobs/uploads/");
    url.searchParams.set("mount", descriptor.digest);
    url.searchParams.set("from", from);
    const answer = await tryMount(repository, url, from);
    if (answer?.status === 201) {
      await answer.discard();
      return undefined;
    }
    if (answer?.status === 202) return beginOf(repository, answer);
    await answer?.discard();
  }
  return beginUpload(repository, descriptor);
}

async function tryMount(repository: Repository, url: URL, from: string): Promise<HttpAnswer | undefined> {
  try {
    return await send(repository, { method: "POST", url, scopes: [...repository.scopes, pullScope(from)] });
  } catch (error) {
    // A token service may refuse the right to read the other repository.
    if (isAshlarError(error, "REGISTRY_AUTH")) return undefined;
    throw error;
  }
}

async function beginUpload(repository: Repository, descriptor: Descriptor): Promise<Upload> {
  const answer = await send(repository, { method: "POST", url: addressIn(repository, "blobs/uploads/") });
  if (answer.status === 202) return beginOf(repository, answer);
  throw await answerError(answer, `upload blob "${descriptor.digest}" to "${repository.label}"`);
}

async function beginOf(repository: Repository, answer: HttpAnswer): Promise<Upload> {
  await answer.discard();
  const url = locationOf(answer);
  const min = answer.headers["oci-chunk-min-length"] ?? "0";
  if (url !== undefined) return { url, chunkBytesMin: /^\d{1,15}$/.test(min) ? Number(min) : 0 };
  const text = `Cannot upload to "${repository.label}": the registry names no Location, want one`;
  throw new AshlarError("REGISTRY_ANSWER", text);
}

function lost(repository: Repository, descriptor: Descriptor, why: string): AshlarError {
  const text = `Cannot upload blob "${descriptor.digest}" to "${repository.label}": ${why}`;
  return new AshlarError("REGISTRY_FAILED", text);
}
