// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestOf, isAshlarError, isDigest } from "../../base/index.ts";
import { isIndexType, isManifestType, mediaTypes, ociLimits } from "../../oci/index.ts";
import type { Document } from "../referrer-of.ts";
import { answerError } from "./answer-error.ts";
import { readBody, usualBytes } from "./read-body.ts";
import type { HttpAnswer, HttpRequest } from "./registry-http.ts";
import { manifestAddress, type Repository, saidDigest, send } from "./repository.ts";
import { Tries } from "./retrying-http.ts";

/** Everything that Ashlar reads; a registry may make older forms for clients that do not say so. */
const accept = [
  mediaTypes.index,
  mediaTypes.manifest,
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * Fetches the manifest or index that a tag or digest names; undefined where there is none. The digest is that of
 * the bytes: what the registry says it is must agree. Throws `OCI_BLOB_DIGEST`, `OCI_MEDIA_TYPE`, `OCI_LIMIT`,
 * and errors of the registry.
 */
export async function fetchDocument(repository: Repository, reference: string): Promise<Document | undefined> {
  const what = `read manifest "${reference}" of "${repository.label}"`;
  const url = manifestAddress(repository, reference);
  const request = { method: "GET", url, headers: { accept }, sizeBytes: usualBytes } as const;
  const { answer, bytes } = await sendAndRead(repository, request, what);
  if (bytes === undefined) return undefined;
  const digest = digestOf(bytes);
  for (const said of [saidDigest(answer), isDigest(reference) ? reference : undefined]) verifySaid(digest, said, what);
  return { descriptor: { mediaType: mediaTypeOf(answer, what), digest, sizeBytes: bytes.length }, bytes };
}

interface ReadAnswer {
  readonly answer: HttpAnswer;
  /** Undefined for 404. */
  readonly bytes: Uint8Array | undefined;
}

/** Sends once more where the body breaks off: the lower floors only see that an answer came. */
async function sendAndRead(repository: Repository, request: HttpRequest, what: string): Promise<ReadAnswer> {
  const tries = new Tries(repository.retry);
  for (;;) {
    const answer = await send(repository, request);
    if (answer.status === 404) {
      await answer.discard();
      return { answer, bytes: undefined };
    }
    if (answer.status !== 200) throw await answerError(answer, what);
    await refuseLarge(answer, what);
    try {
      return { answer, bytes: await readBody(answer, ociLimits.documentBytesMax) };
    } catch (error) {
      if (!isAshlarError(error, "REGISTRY_UNREACHABLE")) throw error;
      if (!(await tries.next(repository.registry.host, error.message))) throw error;
    }
  }
}

async function refuseLarge(answer: HttpAnswer, what: string): Promise<void> {
  const length = Number(answer.headers["content-length"] ?? 0);
  if (length <= ociLimits.documentBytesMax) return;
  await answer.discard();
  const text = `Cannot ${what}: it has ${length} bytes, want at most ${ociLimits.documentBytesMax}`;
  throw new AshlarError("OCI_LIMIT", text);
}

function verifySaid(actual: Digest, expected: Digest | undefined, what: string): void {
  if (expected === undefined || expected === actual) return;
  const message = `Cannot ${what}: its bytes have digest ${actual}, want ${expected}`;
  throw new AshlarError("OCI_BLOB_DIGEST", message, { details: { actual, expected } });
}

/** Without the parameters; what is no manifest cannot be told apart from a page of some proxy. */
function mediaTypeOf({ headers, url }: HttpAnswer, what: string): string {
  const mediaType = (headers["content-type"] ?? "").replace(/\s*;.*$/s, "").toLowerCase();
  if (isIndexType(mediaType) || isManifestType(mediaType)) return mediaType;
  const said = mediaType === "" ? "nothing" : `"${mediaType.slice(0, 100)}"`;
  const message = `Cannot ${what}: "${url.host}" calls it ${said}, want a manifest or index of OCI or docker`;
  throw new AshlarError("OCI_MEDIA_TYPE", message);
}
