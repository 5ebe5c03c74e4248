// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, hexOf } from "../../base/index.ts";
import { type Descriptor, mediaTypes, ociLimits, parseIndex } from "../../oci/index.ts";
import { type Document, referrerOf } from "../referrer-of.ts";
import { answerError } from "./answer-error.ts";
import { fetchDocument } from "./fetch-document.ts";
import { readBody, usualBytes } from "./read-body.ts";
import type { HttpAnswer } from "./registry-http.ts";
import { addressIn, type Repository, send } from "./repository.ts";

const pageCountMax = 64;
/** Manifests opened where an index of them is only a tag that anybody wrote. */
const openedMax = 64;

/** The tag under which referrers are listed where the registry has no API for them. */
export function fallbackTag(subject: Digest): string {
  return `sha256-${hexOf(subject)}`;
}

/**
 * The manifests that name `subject`, by the API of distribution-spec 1.1, else by the tag that stands in for it.
 * Such a tag proves nothing, and known clients write wrong types into it: each manifest is opened (at most 64),
 * must name the subject, and its own `artifactType` and annotations count. Throws `OCI_*`, `REGISTRY_*`.
 */
export async function fetchReferrers(
  repository: Repository,
  subject: Descriptor,
  open: (digest: Digest) => Promise<Document | undefined>,
): Promise<readonly Descriptor[]> {
  const listed = await listByApi(repository, subject.digest);
  if (listed !== undefined) return listed;
  const index = await fetchDocument(repository, fallbackTag(subject.digest));
  if (index === undefined) return [];
  const entries = unique(parseIndex(index.bytes, index.descriptor.mediaType).manifests);
  if (entries.length > openedMax) throw tooMany(subject.digest, `entries, more than ${openedMax}`);
  const found: Descriptor[] = [];
  for (const entry of entries) {
    const document = await open(entry.digest);
    const referrer = document === undefined ? undefined : referrerOf(document, subject.digest);
    if (referrer !== undefined) found.push(referrer);
  }
  return found;
}

/** Undefined where the registry has no such API. */
async function listByApi(repository: Repository, subject: Digest): Promise<readonly Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  let url: URL | undefined = addressIn(repository, `referrers/${subject}`);
  for (let pages = 0; url !== undefined; pages++) {
    if (pages >= pageCountMax || found.length > ociLimits.manifestsMax) throw tooMany(subject, "pages or entries");
    const headers = { accept: mediaTypes.index };
    const answer = await send(repository, { method: "GET", url, headers, sizeBytes: usualBytes });
    if (pages === 0 && !isReferrersApi(answer)) {
      if (![200, 303, 400, 404, 405, 501].includes(answer.status)) {
        throw await answerError(answer, `list the referrers of "${subject}" in "${repository.label}"`);
      }
      await answer.discard();
      return undefined;
    }
    if (answer.status !== 200) throw await answerError(answer, `list the referrers of "${subject}"`);
    found.push(...parseIndex(await readBody(answer, ociLimits.documentBytesMax), mediaTypes.index).manifests);
    url = nextPage(answer, repository);
  }
  return unique(found);
}

function isReferrersApi({ status, headers }: HttpAnswer): boolean {
  return status === 200 && (headers["content-type"] ?? "").startsWith(mediaTypes.index);
}

/** The address of the next page (RFC 8288), on the same registry only. */
function nextPage({ headers, url }: HttpAnswer, repository: Repository): URL | undefined {
  const match = /<([^>]{1,4000})>\s*;\s*rel="?next"?/.exec(headers["link"] ?? "");
  if (match === null) return undefined;
  const text = match[1] ?? "";
  const next = URL.canParse(text, url.href) ? new URL(text, url) : undefined;
  if (next?.origin === repository.registry.origin) return next;
  throw new AshlarError("REGISTRY_ANSWER", "Cannot list referrers: the next page is elsewhere, want the same registry");
}

function unique(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function tooMany(subject: Digest, what: string): AshlarError {
  return new AshlarError("OCI_LIMIT", `Cannot list the referrers of "${subject}": too many ${what}, want fewer`);
}
