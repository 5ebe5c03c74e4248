// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer, get } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, it } from "node:test";

import { type AshlarError, digestOf } from "../base/index.ts";
import { openFetcher } from "./fetcher.ts";
import { makeTestArea } from "./testing/download-dir.ts";
import { content, fails, makeFetcherRig, mirrorAt } from "./testing/fetcher-rig.ts";

describe("redirects", () => {
  it("are followed up to five times, and keep credentials only on the same origin", async () => {
    await using target = await makeFetcherRig();
    await using t = await makeFetcherRig((path, _) => {
      if (path === "pool/a.deb") return { status: 302, headers: { location: "/step" } };
      return { status: 301, headers: { location: `${target.server.base}pool/a.deb` } };
    });
    const base = t.server.base.replace("http://", "http://user:secret@");
    await t.fetcher.content(t.request({ mirrors: [mirrorAt(base)] }));
    const basic = `Basic ${Buffer.from("user:secret").toString("base64")}`;
    assert.deepEqual(
      t.server.requests.map(({ authorization }) => authorization),
      [basic, basic],
    );
    assert.deepEqual(
      target.server.requests.map(({ authorization }) => authorization),
      [undefined],
    );
  });

  it("are refused to other schemes and when they go round", async () => {
    for (const [location, pattern] of [
      ["file:///etc/passwd", /scheme/],
      ["/pool/a.deb", /more than 5/],
      ["http://[", /address/],
    ] as const) {
      await using t = await makeFetcherRig(() => ({ status: 302, headers: { location } }));
      await assert.rejects(t.fetcher.content(t.request()), fails("FETCH_FAILED", pattern), location);
    }
  });

  it("never leave https for http", async () => {
    const { getFollowing } = await import("./transport.ts");
    const answer = {
      status: 302,
      headers: { location: "http://x.example/" },
      body: (async function* () {})(),
      discard: async () => {},
    };
    await assert.rejects(
      getFollowing(new URL("https://x.example/"), async () => answer),
      fails("FETCH_REDIRECT_REFUSED"),
    );
  });
});

describe("errors of fetching", () => {
  it("never show a password", async () => {
    await using t = await makeFetcherRig(() => ({ status: 403 }));
    const base = t.server.base.replace("http://", "http://user:secret@");
    await assert.rejects(t.fetcher.content(t.request({ mirrors: [mirrorAt(base)] })), (error: AshlarError) => {
      assert.doesNotMatch(JSON.stringify([error.message, error.because, error.details]), /secret/);
      return true;
    });
  });
});

describe("Fetcher.text", () => {
  it("gives small files, undefined for 404, and refuses large ones", async () => {
    await using t = await makeFetcherRig();
    const text = { name: "x", path: "pool/a.deb", mirror: mirrorAt(t.server.base), maxBytes: content.length };
    assert.deepEqual(await t.fetcher.text(text), content);
    assert.equal(await t.fetcher.text({ ...text, path: "pool/none" }), undefined);
    await assert.rejects(t.fetcher.text({ ...text, maxBytes: 1000 }), fails("FETCH_FAILED", /more than 1000/));
  });
});

/** A proxy on 127.0.0.1 that counts what goes through it: tunnels and plain requests. */
async function serveProxy(): Promise<{ readonly address: string; readonly targets: string[]; close(): void }> {
  const targets: string[] = [];
  const proxy = createServer((request, response) => {
    targets.push(request.url ?? "");
    get(request.url ?? "", { headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
  });
  proxy.on("connect", (request, socket) => {
    targets.push(request.url ?? "");
    const { hostname, port } = new URL(`http://${request.url}`);
    const target = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      target.pipe(socket).pipe(target);
    });
    for (const end of [socket, target]) end.on("error", () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}`, targets, close: () => void proxy.close() };
}

describe("proxies", () => {
  it("are used as given, and not where no_proxy says so", async () => {
    await using origin = await makeFetcherRig();
    const { hostname, host } = new URL(origin.server.base);
    const proxy = await serveProxy();
    using area = makeTestArea();
    const around = openFetcher({ area, proxies: { http: proxy.address, no: hostname } });
    await around.content(origin.request());
    assert.deepEqual(proxy.targets, []);
    rmSync(area.downloadPath(digestOf(content)));
    const through = openFetcher({ area, proxies: { http: proxy.address } });
    await through.content(origin.request());
    assert.equal(proxy.targets.length, 1);
    const [target] = proxy.targets as readonly string[];
    assert.ok(target?.includes(host), target);
    await through.close();
    await around.close();
    proxy.close();
  });
});
