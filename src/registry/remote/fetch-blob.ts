// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import type { BlobRange, Descriptor } from "../../oci/index.ts";
import { answerError } from "./answer-error.ts";
import { describe } from "./connection-error.ts";
import { refuseEncoded } from "./read-body.ts";
import type { HttpAnswer } from "./registry-http.ts";
import { blobAddress, type Repository, send } from "./repository.ts";
import { Tries } from "./retrying-http.ts";

/**
 * The bytes of a blob, unverified. Where the answer breaks off the rest is asked for, as long as tries bring
 * something. Throws `OCI_BLOB_MISSING`, `OCI_BLOB_SIZE` where the registry announces another size, and errors of the
 * registry.
 */
export async function* fetchBlob(repository: Repository, descriptor: Descriptor): AsyncGenerator<Uint8Array> {
  yield* fetchParts({ repository, descriptor, start: 0, end: descriptor.sizeBytes, whole: true });
}

/**
 * The bytes of one part, by single ranges. Before the first piece it throws `OCI_RANGE_UNSUPPORTED` where the
 * registry answers with the whole (200), refuses (400, 416, 501), or gives another part than the one asked for;
 * nothing more of such an answer is read.
 */
export async function* fetchRange(
  repository: Repository,
  descriptor: Descriptor,
  { offset, sizeBytes }: BlobRange,
): AsyncGenerator<Uint8Array> {
  if (sizeBytes === 0) return;
  yield* fetchParts({ repository, descriptor, start: offset, end: offset + sizeBytes, whole: false });
}

interface Part {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly start: number;
  readonly end: number;
  /** The whole blob: the first request has no range. */
  readonly whole: boolean;
}

async function* fetchParts(part: Part): AsyncGenerator<Uint8Array> {
  const { repository, start, end } = part;
  const tries = new Tries(repository.retry);
  for (let at = start; ; ) {
    let why: string;
    try {
      for await (const piece of openPart(part, at)) {
        at += piece.length;
        tries.progress(piece.length);
        yield piece;
      }
      return;
    } catch (error) {
      if (isAshlarError(error)) throw error;
      why = describe(error);
    }
    if (await tries.next(repository.registry.host, why)) continue;
    const text = `Cannot read blob "${part.descriptor.digest}" of "${repository.label}": ${why}`;
    throw new AshlarError("REGISTRY_UNREACHABLE", `${text}, after ${at - start} of ${end - start} bytes`);
  }
}

/** One request from a position on. Throws an `AshlarError` where another one is of no use. */
async function* openPart({ repository, descriptor, end, whole }: Part, at: number): AsyncGenerator<Uint8Array> {
  const isFirst = whole && at === 0;
  if (whole && !isFirst && at >= end) return;
  const headers = isFirst ? {} : { range: `bytes=${at}-${end - 1}` };
  const url = blobAddress(repository, descriptor);
  const answer = await send(repository, { method: "GET", url, headers, sizeBytes: end - at });
  await refuseEncoded(answer);
  const isRest = whole && !isFirst;
  if (answer.status === 206 && !isFirst) {
    await verifyPart(answer, { descriptor, at, end });
    yield* bounded(answer, end - at);
  } else if (answer.status === 200 && whole) {
    await verifyLength(answer, descriptor);
    // The registry gives no parts: what we have already is read over.
    yield* skipped(answer.body, isRest ? at : 0);
  } else throw await partError(answer, { repository, descriptor, whole });
}

/** Passes on what was asked for; more than that is not taken. */
async function* bounded(answer: HttpAnswer, bytesMax: number): AsyncGenerator<Uint8Array> {
  let left = bytesMax;
  for await (const piece of answer.body) {
    if (piece.length > left) throw new AshlarError("REGISTRY_ANSWER", `Cannot read part: it has too many bytes`);
    left -= piece.length;
    yield piece;
  }
  if (left > 0) throw new Error(`the answer ended ${left} bytes too early`);
}

async function* skipped(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const piece of bytes) {
    if (left < piece.length) yield left === 0 ? piece : piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}

interface Wanted {
  readonly descriptor: Descriptor;
  readonly at: number;
  readonly end: number;
}

async function verifyPart(answer: HttpAnswer, { descriptor, at, end }: Wanted): Promise<void> {
  const said = answer.headers["content-range"] ?? "";
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(said);
  const total = match?.[3] ?? "*";
  const isRight = match !== null && Number(match[1]) === at && Number(match[2]) === end - 1;
  const isMultipart = (answer.headers["content-type"] ?? "").startsWith("multipart/");
  if (isRight && !isMultipart && (total === "*" || Number(total) === descriptor.sizeBytes)) return;
  await answer.discard();
  if (isRight && !isMultipart) throw wrongSize(descriptor, total);
  throw noRange(descriptor, `206 with "${isMultipart ? "several parts" : said.slice(0, 100)}"`);
}

async function verifyLength(answer: HttpAnswer, descriptor: Descriptor): Promise<void> {
  const length = answer.headers["content-length"];
  if (length === undefined || Number(length) === descriptor.sizeBytes) return;
  await answer.discard();
  throw wrongSize(descriptor, length);
}

function wrongSize(descriptor: Descriptor, said: string): AshlarError {
  const message = `Cannot read blob "${descriptor.digest}": the registry says it has ${said.slice(0, 40)} bytes`;
  return new AshlarError("OCI_BLOB_SIZE", `${message}, want ${descriptor.sizeBytes}`);
}

interface Refusal {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly whole: boolean;
}

async function partError(answer: HttpAnswer, { repository, descriptor, whole }: Refusal): Promise<Error> {
  const { status } = answer;
  if (!whole && [200, 400, 416, 501].includes(status)) {
    await answer.discard();
    return noRange(descriptor, String(status));
  }
  if (status !== 404) return answerError(answer, `read blob "${descriptor.digest}" of "${repository.label}"`);
  await answer.discard();
  return new AshlarError("OCI_BLOB_MISSING", `Cannot read blob "${descriptor.digest}": not in "${repository.label}"`);
}

function noRange(descriptor: Descriptor, answered: string): AshlarError {
  const text = `Cannot read a part of blob "${descriptor.digest}": the registry answered ${answered}`;
  return new AshlarError("OCI_RANGE_UNSUPPORTED", `${text}, want exactly the part that was asked for`);
}
