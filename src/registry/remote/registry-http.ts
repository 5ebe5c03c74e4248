// SPDX-License-Identifier: Apache-2.0

/** One request to a registry, or to where a registry points. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bytes at hand can be sent again, a stream only once. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** The rights it needs, as token services name them: `repository:NAME:pull`. */
  readonly scopes?: readonly string[] | undefined;
  /** Bytes of the answer's body, about; the time it may take follows from them. 0 when absent. */
  readonly sizeBytes?: number | undefined;
  /** A redirect to another origin is an error: the request holds a secret beside its `authorization`. */
  readonly sameOrigin?: boolean | undefined;
  /** Is sent once, whatever comes of it: to be tried again it must be made anew. */
  readonly once?: boolean | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Lower-case names; of several headers of one name the values are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where it came from, after redirects. */
  readonly url: URL;
  /** The bytes as sent; must be read to its end or given to `discard`. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the answer without reading it, but for a small rest. */
  discard(): Promise<void>;
}

/**
 * The outside world of this folder. Several calls run at the same time. Any status is an answer; where none came
 * `send` throws `REGISTRY_UNREACHABLE`, `INTERRUPTED`, `REGISTRY_REDIRECT` or an error of authentication. A body
 * that breaks off throws an error of the client, which is no `AshlarError`.
 */
export interface RegistryHttp {
  send(request: HttpRequest): Promise<HttpAnswer>;
}
