// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, isAshlarError } from "../base/index.ts";
import { verifyBlob, verifyBytes } from "./verify-blob.ts";

const descriptor = { mediaType: "a/b", digest: digestOf("hello"), sizeBytes: 5 };

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function drain(texts: string[]): Promise<string> {
  let all = "";
  for await (const piece of verifyBlob(descriptor, pieces(...texts))) all += Buffer.from(piece).toString();
  return all;
}

test("verifyBlob passes the described bytes on", async () => {
  assert.equal(await drain(["he", "", "llo"]), "hello");
});

test("verifyBlob refuses one byte less, one more and another content", async () => {
  await assert.rejects(drain(["hell"]), (error) => isAshlarError(error, "OCI_BLOB_SIZE"));
  await assert.rejects(drain(["hello", "!"]), (error) => isAshlarError(error, "OCI_BLOB_SIZE"));
  await assert.rejects(drain(["jello"]), (error) => isAshlarError(error, "OCI_BLOB_DIGEST"));
});

test("verifyBlob stops an endless stream at the described size", async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      given += 4;
      yield Buffer.from("aaaa");
    }
  }
  await assert.rejects(async () => {
    for await (const _ of verifyBlob(descriptor, endless()));
  }, (error) => isAshlarError(error, "OCI_BLOB_SIZE"));
  assert.equal(given, 8);
});

test("verifyBytes checks size and digest", () => {
  assert.equal(Buffer.from(verifyBytes(descriptor, Buffer.from("hello"))).toString(), "hello");
  assert.throws(() => verifyBytes(descriptor, Buffer.from("hell")), (error) => isAshlarError(error, "OCI_BLOB_SIZE"));
  assert.throws(
    () => verifyBytes(descriptor, Buffer.from("jello")),
    (error) => isAshlarError(error, "OCI_BLOB_DIGEST"),
  );
});
