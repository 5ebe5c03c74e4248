// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../../base/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import type { RetrySettings } from "./retrying-http.ts";
import type { HttpAnswer, HttpRequest, RegistryHttp } from "./registry-http.ts";

/** One repository of one registry, as everything here talks to it. */
export interface Repository {
  readonly http: RegistryHttp;
  /** Scheme and host of the registry. */
  readonly registry: URL;
  readonly name: string;
  /** `host/name`, for messages. */
  readonly label: string;
  readonly retry: RetrySettings;
  /** The rights that every request of this session asks for. */
  readonly scopes: readonly string[];
}

/** The right to read a repository, and to write to it too. */
export function pullScope(name: string): string {
  return `repository:${name}:pull`;
}

export function pushScope(name: string): string {
  return `repository:${name}:pull,push`;
}

/** An address of the repository: `path` follows `/v2/NAME/`. */
export function addressIn(repository: Repository, path: string): URL {
  return new URL(`/v2/${repository.name}/${path}`, repository.registry);
}

export function manifestAddress(repository: Repository, reference: string): URL {
  return addressIn(repository, `manifests/${reference}`);
}

export function blobAddress(repository: Repository, { digest }: Pick<Descriptor, "digest">): URL {
  return addressIn(repository, `blobs/${digest}`);
}

/** Sends a request with the session's rights. */
export function send(repository: Repository, request: HttpRequest): Promise<HttpAnswer> {
  return repository.http.send({ scopes: repository.scopes, ...request });
}

/** The digest that a registry says the content has; undefined where it says none that we know. */
export function saidDigest({ headers }: HttpAnswer): Digest | undefined {
  const text = headers["docker-content-digest"];
  return text !== undefined && /^sha256:[0-9a-f]{64}$/.test(text) ? (text as Digest) : undefined;
}
