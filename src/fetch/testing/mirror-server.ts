// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How the server misbehaves for one request; what is absent is done right. */
export interface Mischief {
  /** Answer with this status and no body. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Close the connection after so many bytes of this answer. */
  readonly cutAfterBytes?: number;
  /** Send these bytes instead. */
  readonly bytes?: Uint8Array;
  /** Ignore the Range header. */
  readonly noRange?: boolean;
  /** Send no Content-Length. */
  readonly chunked?: boolean;
  /** Say nothing for so long. */
  readonly delayMs?: number;
}

export interface SeenRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** A mirror on 127.0.0.1 that can be told to misbehave. */
export interface MirrorServer {
  readonly base: string;
  readonly requests: readonly SeenRequest[];
  /** Highest number of requests that were open at the same time. */
  readonly openMax: number;
  close(): Promise<void>;
}

/**
 * Serves `files` by path. `mischief` is asked for each request with the number of earlier requests for the
 * same path.
 */
export async function serveMirror(
  files: ReadonlyMap<string, Uint8Array>,
  mischief: (path: string, earlier: number) => Mischief | undefined = () => undefined,
): Promise<MirrorServer> {
  const requests: SeenRequest[] = [];
  const state = { open: 0, openMax: 0 };
  const server = createServer((request, response) => {
    state.openMax = Math.max(state.openMax, ++state.open);
    response.on("close", () => state.open--);
    const path = decodeURIComponent((request.url ?? "/").slice(1));
    const earlier = requests.filter((seen) => seen.path === path).length;
    requests.push({ path, range: request.headers.range, authorization: request.headers.authorization });
    const trick = mischief(path, earlier) ?? {};
    setTimeout(() => answer(request, response, { file: trick.bytes ?? files.get(path), trick }), trick.delayMs ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    base,
    requests,
    close: () => closeServer(server),
    get openMax() {
      return state.openMax;
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { file, trick }: { readonly file: Uint8Array | undefined; readonly trick: Mischief },
): void {
  if (trick.status !== undefined || file === undefined) {
    response.writeHead(trick.status ?? 404, { "content-length": "0", ...trick.headers });
    response.end();
    return;
  }
  const start = trick.noRange === true ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const body = file.subarray(start);
  const length = trick.chunked === true ? {} : { "content-length": String(body.length) };
  const range = start > 0 ? { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { ...length, ...range, ...trick.headers });
  if (trick.cutAfterBytes === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, trick.cutAfterBytes), () => setTimeout(() => response.destroy(), 5));
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
