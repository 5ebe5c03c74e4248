// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { digestOf } from "../base/index.ts";
import { openFetcher } from "../fetch/index.ts";
import { memoryStore } from "../store/index.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import { dateSeconds, imageDocument, makeLockRig } from "./testing/lock-rig.ts";
import { verifyLock } from "./verify-lock.ts";

describe("verifyLock", () => {
  it("proves a lock from the archive's signature down, and finds every change", async () => {
    await using t = await makeLockRig();
    await t.publish("fixture", [{ name: "app" }, { name: "data", architecture: "all" }]);
    const document = imageDocument(["app", "data"]);
    const lock = await t.lock(document);
    const fetcher = openFetcher({ area: t.area });
    const check = (changed: Lock): Promise<void> =>
      verifyLock(changed, document, {
        fetcher,
        store: memoryStore(),
        mirrors: { mirror: t.server.base },
        nowSeconds: dateSeconds + 999_999_999,
      });
    await check(lock);
    const [image] = lock.images;
    const withPackage = (edit: Partial<LockedPackage>): Lock => ({
      ...lock,
      images: [
        { ...(image as Lock["images"][0]), packages: (image?.packages ?? []).map((item) => ({ ...item, ...edit })) },
      ],
    });
    await assert.rejects(check(withPackage({ digest: digestOf("evil") })), { code: "VERIFY_LOCK" });
    await assert.rejects(check(withPackage({ version: "6.6" })), { code: "VERIFY_LOCK" });
    await assert.rejects(check(withPackage({ sizeBytes: 1 })), { code: "VERIFY_LOCK" });
    const step = { image: "web", step: "build", platform: "linux/amd64" };
    const withStep = (edit: Partial<LockedPackage>): Lock => ({
      ...lock,
      steps: [{ ...step, packages: (image?.packages ?? []).map((item) => ({ ...item, use: "tools", ...edit })) }],
    });
    await check(withStep({}));
    await assert.rejects(check(withStep({ digest: digestOf("evil") })), { code: "VERIFY_LOCK" });
    const withSource = (edit: Partial<Lock["sources"][0]>): Lock => ({
      ...lock,
      sources: lock.sources.map((item) => ({ ...item, ...edit })),
    });
    await assert.rejects(check(withSource({ release: digestOf("evil") })), { code: "FETCH_RELEASE_GONE" });
    await assert.rejects(check(withSource({ signedBy: ["0".repeat(40)] })), { code: "VERIFY_LOCK" });
    await assert.rejects(check(withSource({ dateSeconds: 1 })), { code: "VERIFY_LOCK" });
    await assert.rejects(check(withSource({ name: "else" })), { code: "VERIFY_LOCK" });
    await fetcher.close();
  });
});
