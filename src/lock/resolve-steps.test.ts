// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type AshlarError, digestOf } from "../base/index.ts";
import { parseControl } from "../debian/index.ts";
import type { FixturePackage } from "../fetch/testing/fixture-archive.ts";
import type { FleetDocument, OciFromDocument, StepDocument } from "../spec/index.ts";
import { checkLock } from "./check-lock.ts";
import { compareLocks, showLockChanges } from "./compare-locks.ts";
import { encodeLock } from "./encode-lock.ts";
import type { ReadBase } from "./foreign-base.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import { parseLock } from "./parse-lock.ts";
import { fromSuites, imageDocument, type LockRig, makeLockRig, sourceOf } from "./testing/lock-rig.ts";

const packages: readonly FixturePackage[] = [
  { name: "libc6" },
  { name: "awk", fields: { Depends: "libc6" } },
  { name: "base-files", fields: { Essential: "yes", "Pre-Depends": "awk" } },
  { name: "base-passwd", fields: { Essential: "yes", Depends: "libc6" } },
  { name: "dash", fields: { Essential: "yes", "Pre-Depends": "libc6" } },
  { name: "app", fields: { Depends: "libapp, libc6" } },
  { name: "libapp", fields: { Depends: "libc6" } },
  { name: "patch", fields: { Depends: "libc6" } },
  { name: "gcc", fields: { Depends: "libgcc, libc6" } },
  { name: "libgcc" },
];

async function rig(): Promise<LockRig> {
  const made = await makeLockRig();
  await made.publish("fixture", packages);
  return made;
}

function step(more: Partial<StepDocument> = {}): StepDocument {
  const none = { tools: [], inputs: [], exclude: [], sources: [], env: {}, secrets: [] };
  return { ...none, argv: ["make"], outputs: ["app"], ...more };
}

const patched = {
  url: "https://example.com/app-1.tar.gz",
  sha256: digestOf("app"),
  unpack: true,
  to: ".",
  patches: ["fix.patch"],
};

function rows(packages: readonly LockedPackage[] | undefined): string[] {
  return (packages ?? []).map(({ name, phase, use, by }) => `${name} ${phase} ${use} ${by.join("+")}`);
}

function names(packages: readonly LockedPackage[] | undefined): string {
  return (packages ?? []).map(({ name, version }) => `${name}=${version}`).join(" ");
}

function assertRoundTrip(lock: Lock): void {
  assert.deepEqual(parseLock(Buffer.from(encodeLock(lock)), "x"), lock);
}

describe("resolveLock for install: full without a base", () => {
  const full = imageDocument(["app"], { install: "full" });

  it("lists the essential set as tools, and keeps what the spec leads to and base-files", async () => {
    await using t = await rig();
    const lock = await t.lock(full);
    assert.deepEqual(rows(lock.images[0]?.packages), [
      "app packages install spec",
      "awk base tools base-files",
      "base-files base install base",
      "base-passwd base tools base",
      "dash base tools base",
      "libapp packages install app",
      "libc6 packages install app+libapp",
    ]);
    assertRoundTrip(lock);
  });

  it("keeps the same packages as unpack does, and installs what is asked for of the essential set", async () => {
    await using t = await rig();
    const kept = ({ images }: Lock): string[] =>
      rows(images[0]?.packages.filter(({ use }) => use === "install"));
    assert.deepEqual(kept(await t.lock(full)), kept(await t.lock(imageDocument(["app"]))));
    const [image] = (await t.lock(imageDocument(["dash"], { install: "full" }))).images;
    assert.equal(
      rows(image?.packages).find((row) => row.startsWith("dash")),
      "dash packages install spec",
    );
  });

  it("makes locks stale that were made for unpack", async () => {
    await using t = await rig();
    const unpacked = await t.lock(imageDocument(["app"]));
    assert.throws(() => checkLock(full, unpacked, "ashlar.lock"), {
      code: "LOCK_STALE",
      because: ['image "web": install was unpack, is full'],
    });
    const lock = await t.lock(full, { previous: unpacked });
    const added = compareLocks(unpacked, lock)[0]?.changes.map(({ kind, name }) => `${kind} ${name}`);
    assert.deepEqual(added, ["added awk", "role base-passwd", "added dash"]);
  });
});

describe("resolveLock for steps", () => {
  it("gives each step the essential set and its tools, and patch where there are patches", async () => {
    await using t = await rig();
    const steps = { build: step({ tools: ["gcc"], sources: [patched] }), plain: step() };
    const lock = await t.lock(imageDocument(["app"], { steps }));
    assert.deepEqual(
      lock.steps.map(
        ({ image, step, platform, packages }) => `${image} ${step} ${platform} ${packages.length}`,
      ),
      ["web build linux/amd64 8", "web plain linux/amd64 5"],
    );
    assert.deepEqual(rows(lock.steps[0]?.packages), [
      "awk base tools base-files",
      "base-files base tools base",
      "base-passwd base tools base",
      "dash base tools base",
      "gcc packages tools spec",
      "libc6 base tools awk+base-passwd+dash+gcc+patch",
      "libgcc packages tools gcc",
      "patch packages tools spec",
    ]);
    assert.deepEqual(lock.asked[0]?.steps, { build: ["gcc", "patch"], plain: [] });
    assert.ok(!rows(lock.images[0]?.packages).some((row) => row.startsWith("gcc")));
    assertRoundTrip(lock);
  });

  it("takes the versions of the image, then those of the step's previous lock", async () => {
    await using t = await rig();
    const from = fromSuites("fixture", "fixture-updates");
    await t.publish("fixture-updates", []);
    const previous = await t.lock(imageDocument(["app"], { from }));
    const gcc = { name: "gcc", version: "2.0", fields: { Depends: "libgcc, libc6" } };
    await t.publish("fixture-updates", [{ name: "libc6", version: "2.0" }, gcc]);
    const document = imageDocument(["app"], { from, steps: { build: step({ tools: ["gcc"] }) } });
    const lock = await t.lock(document, { previous });
    assert.match(names(lock.steps[0]?.packages), /gcc=2.0 libc6=1.0/);
    const newer = { ...gcc, version: "3.0" };
    await t.publish("fixture-updates", [{ name: "libc6", version: "2.0" }, gcc, newer]);
    const more = imageDocument(["app", "dash"], { from, steps: document.steps });
    assert.match(names((await t.lock(more, { previous: lock })).steps[0]?.packages), /gcc=2.0 libc6=1.0/);
    const moved = await t.lock(more, { previous: lock, update: ["gcc"] });
    assert.match(names(moved.steps[0]?.packages), /gcc=3.0 libc6=1.0/);
    assert.match(names((await t.lock(more, { update: "all" })).steps[0]?.packages), /gcc=3.0 libc6=2.0/);
  });

  it("asks nobody again while tools stay the same, and tells which changed", async () => {
    await using t = await rig();
    const previous = await t.lock(imageDocument(["app"], { steps: { build: step() } }));
    const before = t.server.requests.length;
    const other = imageDocument(["app"], { steps: { build: step({ argv: ["ninja"] }) } });
    assert.deepEqual((await t.lock(other, { previous })).steps, previous.steps);
    assert.equal(t.server.requests.length, before);
    const more = imageDocument(["app"], { steps: { build: step({ tools: ["gcc"] }), test: step() } });
    assert.throws(() => checkLock(more, previous, "ashlar.lock"), {
      because: ['image "web": step test was added', 'image "web": step "build": tool gcc was added'],
    });
    const changes = compareLocks(previous, await t.lock(more, { previous }));
    assert.match(showLockChanges(changes), /^web step build linux\/amd64: 2 added\n {2}\+ gcc:amd64 /);
    assert.deepEqual(
      changes.map(({ step, state }) => `${step} ${state}`),
      ["build kept", "test added"],
    );
  });

  it("takes the tools of an image of a fleet from the sources below, and names the step that cannot be", async () => {
    await using t = await rig();
    const fleet = (tools: readonly string[]): FleetDocument => ({
      ashlar: "fleet/v1",
      images: {
        base: imageDocument(["libapp"], { name: "base" }),
        web: imageDocument([], { from: { kind: "image", image: "base" }, steps: { build: step({ tools }) } }),
      },
    });
    const lock = await t.lock(fleet(["gcc"]));
    assert.match(names(lock.steps[0]?.packages), /gcc=1.0/);
    await assert.rejects(t.lock(fleet(["nowhere"])), (error: AshlarError) => {
      assert.equal(error.code, "SOLVER_IMPOSSIBLE");
      assert.match(error.because.join("\n"), /step "build" of image "web" for linux\/amd64/);
      return true;
    });
    const scratch = imageDocument([], { from: { kind: "scratch" }, steps: { build: step() } });
    await assert.rejects(t.lock(scratch), { code: "LOCK_IMAGE_SOURCES" });
  });
});

describe("resolveLock for a foreign base", () => {
  const from: OciFromDocument = {
    kind: "oci",
    name: "example/base",
    digest: digestOf("index"),
    suite: "fixture",
    sources: [sourceOf("fixture")],
  };
  const status = "Package: libc6\nStatus: install ok installed\nVersion: 0.5\nArchitecture: amd64\n";

  function reader(): { readonly readBase: ReadBase; readonly asked: string[] } {
    const asked: string[] = [];
    return {
      asked,
      readBase: async ({ name }, platform) => {
        asked.push(`${name} ${platform}`);
        return { manifest: digestOf(platform), installed: parseControl(status) };
      },
    };
  }

  it("records what the reference means, and adds packages to what is installed there", async () => {
    await using t = await rig();
    const { readBase, asked } = reader();
    const lock = await t.lock(imageDocument(["app"], { from, install: "full" }), { readBase });
    assert.equal(lock.images[0]?.manifest, digestOf("linux/amd64"));
    assert.equal(names(lock.images[0]?.packages), "app=1.0 libapp=1.0");
    assert.equal(lock.asked[0]?.from, `oci:example/base@${from.digest} debian:fixture`);
    assert.deepEqual(asked, ["example/base linux/amd64"]);
    assertRoundTrip(lock);
  });

  it("reads a base once for a fleet on it, whose other images hold no manifest", async () => {
    await using t = await rig();
    const { readBase, asked } = reader();
    const fleet: FleetDocument = {
      ashlar: "fleet/v1",
      images: {
        base: imageDocument(["libapp"], { from, name: "base" }),
        web: imageDocument(["app"], { from: { kind: "image", image: "base" } }),
      },
    };
    const lock = await t.lock(fleet, { readBase });
    assert.equal(asked.length, 1);
    assert.deepEqual(
      lock.images.map(
        ({ image, manifest, packages }) => `${image} ${manifest !== undefined} ${names(packages)}`,
      ),
      ["base true libapp=1.0", "web false app=1.0"],
    );
    const previous = await t.lock(fleet, { readBase, previous: lock });
    assert.deepEqual([previous.images, asked.length], [lock.images, 1]);
  });

  it("says why packages do not fit the base", async () => {
    await using t = await rig();
    const { readBase } = reader();
    const document = imageDocument(["libc6 (>= 1)"], { from });
    await assert.rejects(t.lock(document, { readBase }), (error: AshlarError) => {
      assert.match(error.message, /^Cannot resolve "libc6 \(>= 1\)": the base has 0\.5$/);
      return true;
    });
  });

  it("tells a changed base from changed packages", async () => {
    await using t = await rig();
    const { readBase } = reader();
    const previous = await t.lock(imageDocument(["app"], { from }), { readBase });
    const other = imageDocument(["app"], { from: { ...from, digest: digestOf("other") } });
    assert.throws(() => checkLock(other, previous, "ashlar.lock"), { code: "LOCK_STALE" });
    const moved: ReadBase = async () => ({ manifest: digestOf("new"), installed: parseControl(status) });
    const changes = compareLocks(previous, await t.lock(other, { readBase: moved, previous }));
    assert.match(
      showLockChanges(changes),
      /^web linux\/amd64: no package changes\n {2}base sha256:.* -> sha256:/,
    );
  });
});
