// SPDX-License-Identifier: Apache-2.0
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** One answer: where in the file it began, and how many bytes of it were given to the connection. */
export interface Sent {
  readonly path: string;
  readonly offset: number;
  bytes: number;
}

export interface CountingServer {
  readonly base: string;
  readonly sent: readonly Sent[];
  close(): Promise<void>;
}

export interface Pace {
  /** Bytes at a time, and the pause after each. */
  readonly pieceBytes: number;
  readonly pauseMs: number;
  /** Nothing more comes after so many bytes of a file, counted from its beginning; asked at each piece. */
  readonly stallAt?: (path: string) => number;
}

/** Serves files slowly on 127.0.0.1, by ranges too, and counts what it sends. */
export async function serveSlowly(files: ReadonlyMap<string, Uint8Array>, pace: Pace): Promise<CountingServer> {
  const sent: Sent[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "/").slice(1));
    const file = files.get(path);
    if (file === undefined) return void response.writeHead(404, { "content-length": "0" }).end();
    const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = { "content-range": `bytes ${offset}-${file.length - 1}/${file.length}` };
    const headers = { "content-length": String(file.length - offset), ...(offset > 0 ? range : {}) };
    response.writeHead(offset > 0 ? 206 : 200, headers);
    const one = { path, offset, bytes: 0 };
    sent.push(one);
    void dribble(response, { file, one, pace });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sent,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function dribble(
  response: ServerResponse,
  { file, one, pace }: { readonly file: Uint8Array; readonly one: Sent; readonly pace: Pace },
): Promise<void> {
  for (let at = one.offset; at < file.length && !response.destroyed; ) {
    const end = Math.min(at + pace.pieceBytes, pace.stallAt?.(one.path) ?? file.length, file.length);
    if (end > at) response.write(file.subarray(at, end));
    one.bytes += end - at;
    at = end;
    await sleep(pace.pauseMs);
  }
  response.end();
}
