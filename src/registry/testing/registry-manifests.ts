// SPDX-License-Identifier: Apache-2.0
import {
  type Asked,
  failure,
  type Reply,
  sha256,
  type StoredManifest,
  type TestRepository,
} from "./registry-content.ts";

export interface ManifestRules {
  /** False answers 404 to the referrers API and says nothing of subjects. */
  readonly referrersApi?: boolean | undefined;
  /** Entries of one page of referrers or tags. */
  readonly pageSize?: number | undefined;
}

interface Named {
  readonly digest?: string;
  readonly mediaType?: string;
}

interface Parsed {
  readonly config?: Named;
  readonly layers?: readonly Named[];
  readonly manifests?: readonly Named[];
  readonly subject?: Named;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** GET, HEAD and PUT of a manifest by tag or digest. */
export function answerManifest(
  repository: TestRepository,
  reference: string,
  { asked, rules }: { readonly asked: Asked; readonly rules: ManifestRules },
): Reply {
  if (asked.method === "PUT") return putManifest(repository, reference, { asked, rules });
  const digest = repository.tags.get(reference) ?? reference;
  const manifest = repository.manifests.get(digest);
  if (manifest === undefined) return failure(404, "MANIFEST_UNKNOWN");
  const headers = { "content-type": manifest.mediaType, "docker-content-digest": digest };
  return { status: 200, headers, body: manifest.bytes };
}

function putManifest(
  repository: TestRepository,
  reference: string,
  { asked, rules }: { readonly asked: Asked; readonly rules: ManifestRules },
): Reply {
  const digest = sha256(asked.body);
  if (reference.startsWith("sha256:") && reference !== digest) return failure(400, "DIGEST_INVALID");
  const parsed = JSON.parse(Buffer.from(asked.body).toString("utf8")) as Parsed;
  const blobs = [...(parsed.layers ?? []), ...(parsed.config === undefined ? [] : [parsed.config])];
  if (blobs.some((blob) => !repository.blobs.has(blob.digest ?? ""))) return failure(400, "MANIFEST_BLOB_UNKNOWN");
  const children = parsed.manifests ?? [];
  const isThere = ({ digest: child = "" }: Named): boolean =>
    repository.manifests.has(child) || repository.blobs.has(child);
  // An index of referrers may name what is gone.
  if (!/^sha256-/.test(reference) && !children.every(isThere)) return failure(400, "MANIFEST_BLOB_UNKNOWN");
  repository.manifests.set(digest, { mediaType: asked.headers["content-type"] ?? "", bytes: asked.body });
  if (!reference.startsWith("sha256:")) repository.tags.set(reference, digest);
  const subject = rules.referrersApi === false ? undefined : parsed.subject?.digest;
  const headers = { location: "x", "docker-content-digest": digest };
  return { status: 201, headers: { ...headers, ...(subject === undefined ? {} : { "oci-subject": subject }) } };
}

/** The referrers API, in pages. */
export function answerReferrers(
  repository: TestRepository,
  subject: string,
  { asked, rules }: { readonly asked: Asked; readonly rules: ManifestRules },
): Reply {
  if (rules.referrersApi === false) return failure(404, "NOT_FOUND");
  const found = [...repository.manifests].flatMap(([digest, manifest]) => describeReferrer(digest, manifest, subject));
  const from = Number(asked.url.searchParams.get("from") ?? "0");
  const to = from + (rules.pageSize ?? 1000);
  const link = { link: `<${asked.url.pathname}?from=${to}>; rel="next"` };
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: found.slice(from, to),
  });
  const headers = { "content-type": "application/vnd.oci.image.index.v1+json", ...(to < found.length ? link : {}) };
  return { status: 200, headers, body };
}

function describeReferrer(digest: string, { bytes, mediaType }: StoredManifest, subject: string): object[] {
  const parsed = JSON.parse(Buffer.from(bytes).toString("utf8")) as Parsed;
  if (parsed.subject?.digest !== subject) return [];
  const artifactType = parsed.artifactType ?? parsed.config?.mediaType;
  return [{ mediaType, digest, size: bytes.length, artifactType, annotations: parsed.annotations }];
}

export function answerTags(name: string, repository: TestRepository): Reply {
  const body = JSON.stringify({ name, tags: [...repository.tags.keys()].sort() });
  return { status: 200, headers: { "content-type": "application/json" }, body };
}
