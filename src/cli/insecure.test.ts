// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { parseReference } from "../oci/index.ts";
import { runCommandLine } from "./command-line.ts";
import { insecureRegistry } from "./remote-place.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-insecure-"));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a command line behind a proxy that refuses all; returns what it was asked for, and the exit code. */
async function behindProxy(...args: readonly string[]): Promise<{ asked: string[]; status: number; err: string }> {
  const asked: string[] = [];
  const said: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      asked.push(data.toString("latin1").split(" HTTP/")[0] ?? "");
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const status = await runCommandLine([...args, `--store=${join(dir, "store")}`, "--quiet"], {
      env: { PATH: process.env["PATH"], HOME: dir, http_proxy: proxy, https_proxy: proxy },
      cwd: dir,
      nowSeconds: 1_748_736_000,
      out: () => {},
      err: (text) => void said.push(text),
      errIsTerminal: false,
      columns: 80,
    });
    return { asked, status, err: said.join("") };
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test("push --insecure means the registry that is pushed to, and not the one that the image comes from", async () => {
  const { asked, status } = await behindProxy("push", "from.example/app:1", "to.example/app:1", "--insecure");
  assert.equal(status, 6);
  assert.ok(asked.length > 0);
  for (const line of asked) assert.equal(line, "CONNECT from.example:443");
});

test("pull --insecure speaks plain HTTP with the one that is named", async () => {
  const { asked, status } = await behindProxy("pull", "from.example/app:1", "--insecure");
  assert.equal(status, 6);
  assert.ok(asked.length > 0);
  for (const line of asked) assert.match(line, /^GET http:\/\/from\.example\/|^CONNECT from\.example:80$/);
});

test("copy --insecure between two registries must not guess", async () => {
  const { asked, status, err } = await behindProxy("copy", "from.example/a:1", "to.example/a:1", "--insecure");
  assert.deepEqual([asked, status], [[], 2]);
  assert.match(err, /error\[USAGE_INSECURE\](.|\n)*registries\.json/);
});

test("insecureRegistry is the only one that does not speak plain HTTP anyway", () => {
  const named = ["localhost:5000/a", "lan:5000/a", "lan:5000/b"].map((text) => parseReference(text));
  assert.equal(insecureRegistry(named, { insecure: true }), "lan:5000");
  assert.equal(insecureRegistry([undefined, named[1]], { insecure: true }), "lan:5000");
  assert.equal(insecureRegistry(named, {}), undefined);
  assert.equal(insecureRegistry([named[0], undefined], { insecure: true }), undefined);
});
