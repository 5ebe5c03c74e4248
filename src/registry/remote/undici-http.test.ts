// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createProxy } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { describeBytes } from "../../oci/index.ts";
import { makeRemoteRig, readAll, refuses, someBytes } from "../testing/remote-rig.ts";
import { hasTool, runTool } from "../testing/tool.ts";
import { undiciHttp } from "./undici-http.ts";

test("an answer that trickles is given up, though bytes keep coming", async () => {
  await using rig = await makeRemoteRig({ mischief: () => ({ dribbleMs: 50 }) });
  const descriptor = rig.put(someBytes(1000));
  const place = rig.open("team/app", { idleTimeoutMs: 300, tryCountMax: 2 });
  await assert.rejects(readAll(place.blob(descriptor)), refuses("REGISTRY_UNREACHABLE", /took too long/));
  assert.equal(rig.registry.requests.length, 2);
});

test("a slow line is no fault while bytes are taken, a dead one is", async () => {
  await using rig = await makeRemoteRig();
  const content = someBytes(6_000_000);
  const descriptor = describeBytes("application/octet-stream", content);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += 1 << 20) yield content.subarray(at, at + (1 << 20));
  }
  const isPut = (method: string): boolean => method === "PUT";
  rig.registry.options = { mischief: ({ method }) => (isPut(method) ? { sipMs: 20 } : undefined) };
  const settings = { idleTimeoutMs: 700, tryCountMax: 1 };
  await rig.open("team/app", settings).writeBlob(descriptor, pieces());
  assert.ok(rig.registry.repositories.get("team/app")?.blobs.has(descriptor.digest));
  rig.registry.options = { mischief: ({ method }) => (isPut(method) ? { sipMs: 100_000 } : undefined) };
  const dead = rig.open("team/app", { ...settings, idleTimeoutMs: 100 }).writeBlob(descriptor, pieces());
  await assert.rejects(dead, refuses("REGISTRY_FAILED", /nothing was taken/));
});

test("a registry can make us wait a minute, and no longer", async () => {
  await using rig = await makeRemoteRig({ mischief: () => ({ status: 429, headers: { "retry-after": "86400" } }) });
  const controller = new AbortController();
  const waits: number[] = [];
  const onRetry = ({ delayMs }: { readonly delayMs: number }): void => {
    waits.push(delayMs);
    setImmediate(() => controller.abort());
  };
  const place = rig.open("team/app", { onRetry, signal: controller.signal });
  await assert.rejects(place.resolve("1"), refuses("INTERRUPTED"));
  assert.deepEqual(waits, [60_000]);
});

test("hosts on loopback are never proxied", async () => {
  await using rig = await makeRemoteRig();
  const descriptor = rig.put(Buffer.from("bytes"));
  const proxies = { http: "http://127.0.0.1:1", https: "http://127.0.0.1:1" };
  assert.equal((await readAll(rig.open("team/app", { proxies }).blob(descriptor))).toString(), "bytes");
});

/** A server on 127.0.0.1 that says `{}`, with a certificate for that address and `other.example`. */
async function serveTls(t: TestContext): Promise<{ readonly port: number; readonly cert: string }> {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-tls-"));
  const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  const subject = ["-subj", "/CN=other.example", "-addext", "subjectAltName=IP:127.0.0.1,DNS:other.example"];
  runTool("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject);
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  const server = createServer(pair, (_, response) => void response.end("{}"));
  t.after(() => {
    server.closeAllConnections();
    rmSync(dir, { recursive: true });
  });
  return { port: await listen(t, server), cert: pair.cert.toString("utf8") };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  t.after(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

test("a certificate is checked, against the user's bundle too", async (t) => {
  if (!hasTool(t, "openssl")) return;
  const { port, cert } = await serveTls(t);
  const get = { method: "GET", url: new URL(`https://127.0.0.1:${port}/v2/`) } as const;
  const strict = undiciHttp({});
  await assert.rejects(strict.send(get), (error: { hint?: string; details: { lasting: boolean } }) => {
    assert.match(error.hint ?? "", /SSL_CERT_FILE/);
    return error.details.lasting;
  });
  const trusting = undiciHttp({ caBundle: cert });
  assert.equal((await readAll((await trusting.send(get)).body)).toString(), "{}");
  const wrongName = { ...get, url: new URL(`https://localhost:${port}/v2/`) };
  await assert.rejects(trusting.send(wrongName), refuses("REGISTRY_UNREACHABLE"));
  for (const http of [strict, trusting]) await http.close();
});

test("the user's bundle counts behind a proxy too", async (t) => {
  if (!hasTool(t, "openssl")) return;
  const { port, cert } = await serveTls(t);
  const tunnels: string[] = [];
  const proxy = createProxy();
  proxy.on("connect", ({ url = "" }, socket) => {
    tunnels.push(url);
    const there = connect(port, "127.0.0.1", () => void socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    for (const end of [there, socket]) end.on("error", () => {});
    there.pipe(socket).pipe(there);
  });
  const address = `http://127.0.0.1:${await listen(t, proxy)}`;
  const http = undiciHttp({ caBundle: cert, proxies: { http: address, https: address } });
  const answer = await http.send({ method: "GET", url: new URL("https://other.example/v2/") });
  assert.equal((await readAll(answer.body)).toString(), "{}");
  assert.deepEqual(tunnels, ["other.example:443"]);
  await http.close();
});
