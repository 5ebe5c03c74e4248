// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { type AuthRules, TestAuth } from "./registry-auth.ts";
import { type Asked, failure, type Reply, type Repositories, repositoryOf, sha256 } from "./registry-content.ts";
import { answerManifest, answerReferrers, answerTags, type ManifestRules } from "./registry-manifests.ts";
import { answerRange, type RangeStyles } from "./registry-ranges.ts";
import { TestUploads, type UploadRules } from "./registry-uploads.ts";

/** What goes wrong with one request, on purpose. Whatever is left out is as it should be. */
export interface Mischief extends Partial<Reply> {
  /** Time before the answer. */
  readonly delayMs?: number;
  /** Bytes of the request's body after which the connection is cut; they count as received. */
  readonly cutRequestAfter?: number;
  /** Bytes of the answer's body after which the connection is cut. */
  readonly cutAfter?: number;
  /** Bytes of the answer's body after which nothing more comes, and the connection stays. */
  readonly stallAfter?: number;
  /** The connection is cut after the work is done, before the answer. */
  readonly loseAnswer?: boolean;
  /** Sends one byte of the body at a time, with so long between. */
  readonly dribbleMs?: number;
  /** Takes so long over each piece of the request's body. */
  readonly sipMs?: number;
  /** Sends the body without saying how long it is. */
  readonly chunked?: boolean;
  /** Changes the right answer's body; its `Content-Length` is that of the new one. */
  readonly change?: (body: Uint8Array) => Uint8Array;
}

/** How a test registry behaves; by default as the specification wants, without a login. */
export interface TestRegistryOptions extends RangeStyles, UploadRules, ManifestRules {
  readonly auth?: AuthRules | undefined;
  /** Asked for each request; `count` tells how many of this method and path came before. */
  readonly mischief?: ((request: TestRequest, count: number) => Mischief | undefined) | undefined;
}

/** One request, as it came and was answered. */
export interface TestRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** 0 where no answer was given. */
  status: number;
  receivedBytes: number;
  /** Bytes of the answer's body that were given to the connection. */
  sentBytes: number;
}

/** A registry on 127.0.0.1, in this process and in memory. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`, as in references. */
  readonly host: string;
  readonly base: string;
  readonly requests: TestRequest[];
  readonly repositories: Repositories;
  /** The scopes of each token handed out. */
  readonly grants: readonly (readonly string[])[];
  readonly openUploads: number;
  /** How it behaves; may be replaced at any time. */
  options: TestRegistryOptions;
  /** Bytes of all bodies sent since the start, or since `requests` was emptied. */
  sentBytes(): number;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a test registry; `repositories` may be those of another one, e.g. for blobs that it redirects to. */
export async function startTestRegistry(
  options: TestRegistryOptions = {},
  repositories: Repositories = new Map(),
): Promise<TestRegistry> {
  const registry = new Registry(options, repositories);
  await registry.start();
  return registry;
}

class Registry implements TestRegistry {
  options: TestRegistryOptions;
  readonly repositories: Repositories;
  readonly requests: TestRequest[] = [];
  readonly #server: Server;
  readonly #auth = new TestAuth();
  readonly #uploads: TestUploads;
  readonly #counts = new Map<string, number>();
  host = "";
  base = "";

  constructor(options: TestRegistryOptions, repositories: Repositories) {
    this.options = options;
    this.repositories = repositories;
    this.#uploads = new TestUploads(repositories);
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  get grants(): readonly (readonly string[])[] {
    return this.#auth.grants;
  }

  get openUploads(): number {
    return this.#uploads.openCount;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    this.base = `http://${this.host}`;
  }

  sentBytes(): number {
    return this.requests.reduce((sum, request) => sum + request.sentBytes, 0);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "", headers } = incoming;
    const request: TestRequest = { method, path, headers, status: 0, receivedBytes: 0, sentBytes: 0 };
    this.requests.push(request);
    const key = `${method} ${path.replace(/\?.*/s, "")}`;
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    const mischief = this.options.mischief?.(request, count) ?? {};
    const { body, isCut } = await receive(incoming, mischief);
    request.receivedBytes = body.length;
    const asked: Asked = { method, url: new URL(path, this.base), headers, body, isCut };
    const right = mischief.status !== undefined && !isCut ? { status: mischief.status } : this.#answer(asked);
    if (isCut || mischief.loseAnswer === true) return void response.socket?.destroy();
    if (mischief.delayMs !== undefined) await pause(mischief.delayMs);
    await this.#send(response, request, { right, mischief });
  }

  #answer(asked: Asked): Reply {
    const { pathname, searchParams } = asked.url;
    const { auth } = this.options;
    if (pathname === "/token" && auth !== undefined) return this.#auth.answer(asked, auth);
    const match = /^\/v2\/(.+?)\/(?:(manifests|blobs|referrers)\/([^/]+)|blobs\/uploads\/([^/]*)|tags\/list)$/.exec(
      pathname,
    );
    const name = match?.[1] ?? "";
    const refusal = auth === undefined
      ? undefined
      : this.#auth.refuse(asked, auth, { repository: name, base: this.base });
    if (refusal !== undefined) return refusal;
    if (pathname === "/v2/") return { status: 200, body: "{}" };
    if (match === null) return failure(404, "NOT_FOUND");
    const repository = repositoryOf(this.repositories, name);
    const [, , kind, reference = "", upload] = match;
    const { options: rules } = this;
    if (kind === "manifests") return answerManifest(repository, reference, { asked, rules });
    if (kind === "referrers") return answerReferrers(repository, reference, { asked, rules });
    if (kind === "blobs") return this.#blob(repository.blobs.get(reference), asked);
    if (upload === undefined) return answerTags(name, repository);
    if (upload !== "") return this.#uploads.goOn(upload, asked, rules);
    const mayMount = auth === undefined || this.#auth.mayMount(asked, auth, searchParams.get("from") ?? "");
    return this.#uploads.begin(name, asked, mayMount ? rules : { ...rules, mount: false });
  }

  #blob(bytes: Uint8Array | undefined, { method, headers }: Asked): Reply {
    if (bytes === undefined) return failure(404, "BLOB_UNKNOWN");
    const reply = answerRange(bytes, method === "GET" ? headers.range : undefined, this.options);
    return { ...reply, headers: { "docker-content-digest": sha256(bytes), ...reply.headers } };
  }

  async #send(
    response: ServerResponse,
    request: TestRequest,
    { right, mischief }: { readonly right: Reply; readonly mischief: Mischief },
  ): Promise<void> {
    const { cutAfter, stallAfter, change = (bytes: Uint8Array) => bytes } = mischief;
    const body = change(Buffer.from((mischief.body ?? right.body ?? "") as Uint8Array));
    request.status = mischief.status ?? right.status;
    const hasBody = request.status !== 204 && request.status !== 304;
    const length = hasBody && mischief.chunked !== true ? { "content-length": String(body.length) } : {};
    response.writeHead(request.status, { ...length, ...right.headers, ...mischief.headers });
    if (request.method === "HEAD" || !hasBody) return void response.end();
    response.flushHeaders();
    const limit = cutAfter ?? stallAfter ?? body.length;
    const step = mischief.dribbleMs === undefined ? pieceBytes : 1;
    for (let at = 0; at < Math.min(limit, body.length); at += step) {
      if (mischief.dribbleMs !== undefined) await pause(mischief.dribbleMs);
      const piece = body.subarray(at, Math.min(at + step, limit));
      if (!(await write(response, piece))) return;
      request.sentBytes += piece.length;
    }
    if (cutAfter !== undefined) return void setImmediate(() => (response.socket as Socket | null)?.destroy());
    if (stallAfter === undefined) response.end();
  }
}

const pieceBytes = 64 << 10;

/** Waits, but does not keep the process from ending. */
function pause(timeMs: number): Promise<void> {
  return sleep(timeMs, undefined, { ref: false });
}

/** False when the other end has gone. */
function write(response: ServerResponse, piece: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve(false);
    response.write(piece, (error) => resolve(error === undefined || error === null));
  });
}

async function receive(
  incoming: IncomingMessage,
  { cutRequestAfter: bytesMax = Infinity, sipMs }: Mischief,
): Promise<{ readonly body: Buffer; readonly isCut: boolean }> {
  const pieces: Buffer[] = [];
  let total = 0;
  try {
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      pieces.push(piece);
      total += piece.length;
      if (sipMs !== undefined) await pause(sipMs);
      if (total >= bytesMax) return { body: Buffer.concat(pieces).subarray(0, bytesMax), isCut: true };
    }
  } catch {
    return { body: Buffer.concat(pieces), isCut: true };
  }
  return { body: Buffer.concat(pieces), isCut: false };
}
