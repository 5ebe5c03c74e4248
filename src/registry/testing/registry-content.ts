// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** What a test registry keeps. Tests may look into it and change it. */
export interface TestRepository {
  readonly blobs: Map<string, Uint8Array>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
}

export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** What goes back for a request. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | string | undefined;
}

/** A request whose body has come. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** The body broke off; what came of it is in `body`. */
  readonly isCut: boolean;
}

export type Repositories = Map<string, TestRepository>;

/** The repository of a name, made where there is none. */
export function repositoryOf(repositories: Repositories, name: string): TestRepository {
  const known = repositories.get(name);
  if (known !== undefined) return known;
  const made = { blobs: new Map(), manifests: new Map(), tags: new Map() };
  repositories.set(name, made);
  return made;
}

/** An answer with an error as the specification has it. */
export function failure(status: number, code: string, message = code): Reply {
  const headers = { "content-type": "application/json" };
  return { status, headers, body: JSON.stringify({ errors: [{ code, message }] }) };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
