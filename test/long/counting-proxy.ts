// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";

export interface CountingProxy {
  readonly port: number;
  /** Bytes that came down since the last call, headers included. */
  taken(): number;
  close(): void;
}

/** Forwards a free port of 127.0.0.1 to another one and counts what comes back. */
export async function openCountingProxy(to: number): Promise<CountingProxy> {
  let bytes = 0;
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    upstream.on("data", (chunk) => (bytes += chunk.length));
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.pipe(upstream).pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    taken() {
      const before = bytes;
      bytes = 0;
      return before;
    },
    close: () => void server.close(),
  };
}
