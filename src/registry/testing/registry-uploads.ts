// SPDX-License-Identifier: Apache-2.0
import { type Asked, failure, type Reply, type Repositories, repositoryOf, sha256 } from "./registry-content.ts";

export interface UploadRules {
  /** False refuses every cross-repository mount by beginning an upload. */
  readonly mount?: boolean | undefined;
  /** False refuses chunks (PATCH) by 405. */
  readonly chunks?: boolean | undefined;
  /** Told as `OCI-Chunk-Min-Length`, and smaller chunks but the last are refused. */
  readonly chunkBytesMin?: number | undefined;
  /** Larger bodies of one request are refused by 413. */
  readonly bodyBytesMax?: number | undefined;
  /** Where uploads go on: beside the request (relative), or at another server. */
  readonly uploadBase?: string | undefined;
}

interface Begun {
  readonly repository: string;
  bytes: Buffer;
}

/** The uploads of a test registry: in one request, in chunks, mounted. */
export class TestUploads {
  readonly #begun = new Map<string, Begun>();
  readonly #repositories: Repositories;
  #count = 0;

  constructor(repositories: Repositories) {
    this.#repositories = repositories;
  }

  /** Uploads that were neither finished nor given up. */
  get openCount(): number {
    return this.#begun.size;
  }

  begin(name: string, { url, body }: Asked, rules: UploadRules): Reply {
    const [mount, from] = [url.searchParams.get("mount"), url.searchParams.get("from")];
    const mounted = mount === null ? undefined : this.#repositories.get(from ?? "")?.blobs.get(mount);
    if (mount !== null && mounted !== undefined && rules.mount !== false) {
      repositoryOf(this.#repositories, name).blobs.set(mount, mounted);
      return created(name, mount);
    }
    const id = `upload-${++this.#count}`;
    this.#begun.set(id, { repository: name, bytes: Buffer.from(body) });
    const min = rules.chunkBytesMin === undefined ? {} : { "oci-chunk-min-length": String(rules.chunkBytesMin) };
    return { status: 202, headers: { ...this.#progress(id, rules), ...min } };
  }

  goOn(id: string, asked: Asked, rules: UploadRules): Reply {
    const begun = this.#begun.get(id);
    if (begun === undefined) return failure(404, "BLOB_UPLOAD_UNKNOWN");
    const { method, body } = asked;
    if (body.length > (rules.bodyBytesMax ?? Infinity)) return { status: 413 };
    if (method === "GET") return { status: 204, headers: this.#progress(id, rules) };
    if (method === "DELETE") return this.#giveUp(id);
    if (method === "PATCH") return this.#append(id, asked, rules);
    return method === "PUT" ? this.#finish(id, asked) : { status: 405 };
  }

  #append(id: string, { headers, body, isCut }: Asked, rules: UploadRules): Reply {
    const begun = this.#begun.get(id) as Begun;
    if (rules.chunks === false) return failure(405, "UNSUPPORTED");
    const match = /^(\d+)-(\d+)$/.exec(headers["content-range"] ?? "");
    const isNext = match !== null && Number(match[1]) === begun.bytes.length;
    if (!isNext) return failure(416, "BLOB_UPLOAD_INVALID", "the chunk is not the next one");
    if (!isCut && Number(match[2]) !== begun.bytes.length + body.length - 1) return failure(400, "SIZE_INVALID");
    begun.bytes = Buffer.concat([begun.bytes, body]);
    return { status: 202, headers: this.#progress(id, rules) };
  }

  #finish(id: string, { url, body, isCut }: Asked): Reply {
    const begun = this.#begun.get(id) as Begun;
    const bytes = Buffer.concat([begun.bytes, body]);
    begun.bytes = bytes;
    const digest = url.searchParams.get("digest") ?? "";
    if (isCut || sha256(bytes) !== digest) return failure(400, "DIGEST_INVALID");
    this.#begun.delete(id);
    repositoryOf(this.#repositories, begun.repository).blobs.set(digest, bytes);
    return created(begun.repository, digest);
  }

  #giveUp(id: string): Reply {
    this.#begun.delete(id);
    return { status: 204 };
  }

  #progress(id: string, { uploadBase = "" }: UploadRules): Record<string, string> {
    const { repository, bytes } = this.#begun.get(id) as Begun;
    const state = encodeURIComponent(`a b+c/${bytes.length}=`);
    return {
      location: `${uploadBase}/v2/${repository}/blobs/uploads/${id}?_state=${state}`,
      range: `0-${Math.max(0, bytes.length - 1)}`,
    };
  }
}

function created(name: string, digest: string): Reply {
  return { status: 201, headers: { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest } };
}
