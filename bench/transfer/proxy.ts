// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";

/**
 * A program of its own, so that it can run in another network namespace: `proxy.ts ADDRESS TARGET_PORT` forwards a
 * free port of ADDRESS to a port of 127.0.0.1 and prints its number. For each line of its input it prints what went
 * through since the last one, as JSON: bytes that came down, heads included, and requests. Ends with its input.
 */
const [address = "127.0.0.1", targetPort = "0"] = process.argv.slice(2);
let bytes = 0;
let requests = 0;

/** Counts the ends of heads. What is asked here has no bodies. */
function countRequests(client: Socket): void {
  let tail = "";
  client.on("data", (chunk) => {
    const text = tail + chunk.toString("latin1");
    requests += text.split("\r\n\r\n").length - 1;
    tail = text.slice(-3);
  });
}

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: Number(targetPort), host: "127.0.0.1", noDelay: true });
  countRequests(client);
  upstream.on("data", (chunk) => (bytes += chunk.length));
  client.on("error", () => upstream.destroy());
  upstream.on("error", () => client.destroy());
  client.pipe(upstream).pipe(client);
}).listen(0, address);
await once(server, "listening");
console.log((server.address() as AddressInfo).port);
for await (const _ of createInterface(process.stdin)) {
  console.log(JSON.stringify({ bytes, requests }));
  [bytes, requests] = [0, 0];
}
process.exit();
