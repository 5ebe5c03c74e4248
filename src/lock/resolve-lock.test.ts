// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type AshlarError, digestOf } from "../base/index.ts";
import { fetchPackages, openFetcher } from "../fetch/index.ts";
import type { FixturePackage } from "../fetch/testing/fixture-archive.ts";
import type { FleetDocument } from "../spec/index.ts";
import { compareLocks } from "./compare-locks.ts";
import { encodeLock } from "./encode-lock.ts";
import type { Lock } from "./lock.ts";
import { dateSeconds, fromSuites, imageDocument, type LockRig, makeLockRig, sourceOf } from "./testing/lock-rig.ts";
import { packagesOf, withUnpacked } from "./unpacked.ts";

const libc = { name: "libc6", fields: { "Multi-Arch": "same" } };
const packages: readonly FixturePackage[] = [
  libc,
  { name: "base-files", fields: { Essential: "yes", "Pre-Depends": "libc6" } },
  { name: "base-passwd", fields: { Essential: "yes", Depends: "libc6" } },
  { name: "app", fields: { Depends: "libapp (>= 1)" } },
  { name: "libapp", version: "1.2", fields: { Depends: "libc6" } },
  { name: "tool", fields: { Depends: "libc6, tool-data" } },
  { name: "tool-data", architecture: "all" },
];

/** Newer versions of some packages. */
function moved(versions: Readonly<Record<string, string>>): readonly FixturePackage[] {
  return packages.map((item) =>
    versions[item.name] === undefined ? item : { ...item, version: versions[item.name] as string },
  );
}

async function rig(): Promise<LockRig> {
  const made = await makeLockRig();
  await made.publish("fixture", packages);
  return made;
}

function versions(lock: Lock, image = 0): Record<string, string> {
  return Object.fromEntries((lock.images[image]?.packages ?? []).map(({ name, version }) => [name, version]));
}

function packageLines(lock: Lock): string[] {
  return encodeLock(lock)
    .split("\n")
    .filter((line) => /^\{"(name|package)":.*("digest"|"phase")/.test(line));
}

describe("resolveLock", () => {
  it("lists the closure with what pulled each package in", async () => {
    await using t = await rig();
    const lock = await t.lock(imageDocument(["app"], { base: "essential" }));
    const rows = lock.images[0]?.packages.map(({ name, phase, by }) => `${name} ${phase} ${by.join("+")}`);
    assert.deepEqual(rows, [
      "app packages spec",
      "base-files base base",
      "base-passwd base base",
      "libapp packages app",
      "libc6 base base-files+base-passwd+libapp",
    ]);
    assert.equal(lock.sources[0]?.dateSeconds, dateSeconds);
  });

  it("gives the same bytes again, and fetches only the Release file", async () => {
    await using t = await rig();
    const first = encodeLock(await t.lock(imageDocument(["tool", "app"])));
    const before = t.server.requests.length;
    const second = await t.lock(imageDocument(["tool", "app"]), { update: "all" });
    assert.equal(encodeLock(second), first);
    assert.deepEqual(
      t.server.requests.slice(before).map(({ path }) => path),
      ["dists/fixture/InRelease"],
    );
  });

  it("keeps what packages unpack to as long as they stay", async () => {
    await using t = await rig();
    const document = imageDocument(["app"]);
    const first = await t.lock(document);
    const all = packagesOf(first).map(({ digest }) => [digest, { version: 3, record: digestOf(digest) }] as const);
    const told = withUnpacked(first, new Map(all));
    const same = await t.lock(document, { previous: told });
    assert.equal(encodeLock(same), encodeLock(told));
    const more = await t.lock(imageDocument(["app", "tool"]), { previous: told });
    const added = packagesOf(more).filter(({ unpacked }) => unpacked === undefined);
    assert.deepEqual(added.map(({ name }) => name).sort(), ["tool", "tool-data"]);
    await t.publish("fixture", moved({ libapp: "1.3" }));
    for (const update of ["all", ["libapp"]] as const) {
      const after = await t.lock(document, { previous: told, update });
      const silent = packagesOf(after).filter(({ unpacked }) => unpacked === undefined);
      assert.deepEqual(silent.map(({ name, version }) => `${name} ${version}`), ["libapp 1.3"]);
    }
  });

  it("adds the donors to a distroless image: base-files without its closure, base-passwd as data", async () => {
    await using t = await rig();
    const lock = await t.lock(imageDocument(["tool-data"]));
    const rows = lock.images[0]?.packages.map(({ name, phase, use }) => `${name} ${phase} ${use}`);
    assert.deepEqual(rows, ["base-files base install", "base-passwd base data", "tool-data packages install"]);
  });

  it("asks nobody when only other parts of the spec changed", async () => {
    await using t = await rig();
    const previous = await t.lock(imageDocument(["app"]));
    const before = t.server.requests.length;
    const lock = await t.lock(imageDocument(["app"], { config: { cmd: ["app"] } }), { previous });
    assert.equal(t.server.requests.length, before);
    assert.notEqual(lock.document, previous.document);
    assert.deepEqual({ ...lock, document: previous.document }, previous);
  });

  it("keeps locked versions when a package is added, as long as the archive has them", async () => {
    await using t = await rig();
    const document = imageDocument(["app"], { from: fromSuites("fixture", "fixture-updates") });
    await t.publish("fixture-updates", []);
    const previous = await t.lock(document);
    await t.publish(
      "fixture-updates",
      moved({ libapp: "1.3", libc6: "2.0" }).filter(({ name }) => ["libapp", "libc6"].includes(name)),
    );
    const more = { ...document, system: { ...document.system, packages: ["app", "tool"] } };
    const lock = await t.lock(more, { previous });
    assert.deepEqual(
      [versions(lock)["libapp"], versions(lock)["libc6"], versions(lock)["tool"]],
      ["1.2", "1.0", "1.0"],
    );
    const updated = await t.lock(more, { previous: lock, update: "all" });
    assert.deepEqual([versions(updated)["libapp"], versions(updated)["libc6"]], ["1.3", "2.0"]);
  });

  it("moves one package and what must move with it", async () => {
    await using t = await rig();
    const document = imageDocument(["app", "tool"], { from: fromSuites("fixture", "fixture-updates") });
    await t.publish("fixture-updates", []);
    const previous = await t.lock(document);
    const newer = [
      { name: "app", version: "2.0", fields: { Depends: "libapp (>= 1.3)" } },
      { name: "libapp", version: "1.3", fields: { Depends: "libc6" } },
      { ...libc, version: "2.0" },
      { name: "tool", version: "3.0", fields: { Depends: "libc6, tool-data" } },
    ];
    await t.publish("fixture-updates", newer);
    const lock = await t.lock(document, { previous, update: ["app"] });
    const changes = compareLocks(previous, lock)[0]?.changes.map(
      ({ kind, name, after }) => `${kind} ${name} ${after}`,
    );
    assert.deepEqual(changes, ["upgraded app 2.0", "upgraded libapp 1.3"]);
    await assert.rejects(t.lock(document, { previous, update: ["nginx"] }), { code: "LOCK_PACKAGE_UNKNOWN" });
  });

  it("changes no package line where an update changes no package", async () => {
    await using t = await rig();
    const previous = await t.lock(imageDocument(["app"]));
    await t.publish("fixture", packages);
    const lock = await t.lock(imageDocument(["app"]), { previous, update: "all" });
    assert.notEqual(lock.sources[0]?.release, previous.sources[0]?.release);
    assert.deepEqual(packageLines(lock), packageLines(previous));
    assert.ok(packageLines(lock).length > 3);
  });

  it("locks several architectures, those of all shared", async () => {
    await using t = await makeLockRig();
    const arm = packages
      .filter(({ architecture }) => architecture === undefined)
      .map((item) => ({ ...item, architecture: "arm64" }));
    await t.publish("fixture", [...packages, ...arm], ["amd64", "arm64"]);
    const lock = await t.lock(imageDocument(["tool"], { platforms: ["linux/amd64", "linux/arm64"] }));
    assert.deepEqual(
      lock.images.map(({ platform }) => platform),
      ["linux/amd64", "linux/arm64"],
    );
    assert.ok(lock.images[1]?.packages.every(({ architecture }) => ["arm64", "all"].includes(architecture)));
    const lines = encodeLock(lock)
      .split("\n")
      .filter((line) => line.startsWith('{"name":"tool-data"'));
    assert.equal(lines.length, 1);
    await assert.rejects(t.lock(imageDocument(["tool"], { platforms: ["linux/s390x"] })), {
      code: "FETCH_INDEX_MISSING",
    });
    await assert.rejects(t.lock(imageDocument(["tool"], { platforms: ["plan9/amd64"] })), {
      code: "DEBIAN_PLATFORM_UNKNOWN",
    });
  });

  it("lists of an image of a fleet only what it adds to the image below", async () => {
    await using t = await rig();
    const fleet: FleetDocument = {
      ashlar: "fleet/v1",
      images: {
        web: imageDocument(["app"], { from: { kind: "image", image: "base" } }),
        base: imageDocument(["libapp"], { name: "base", base: "essential" }),
        empty: imageDocument([], { name: "empty", from: { kind: "scratch" } }),
      },
    };
    const lock = await t.lock(fleet);
    assert.deepEqual(
      lock.images.map(({ image, packages: { length } }) => `${image} ${length}`),
      ["base 4", "empty 0", "web 1"],
    );
    assert.deepEqual(versions(lock, 2), { app: "1.0" });
  });

  it("refuses fleets that cannot be: cycles, missing images and platforms, packages from scratch", async () => {
    await using t = await rig();
    const onto = (image: string, more = {}): ReturnType<typeof imageDocument> =>
      imageDocument([], { from: { kind: "image", image }, ...more });
    const fleet = (images: FleetDocument["images"]): FleetDocument => ({ ashlar: "fleet/v1", images });
    await assert.rejects(t.lock(fleet({ a: onto("b"), b: onto("a") })), { code: "LOCK_IMAGE_CYCLE" });
    await assert.rejects(t.lock(fleet({ a: onto("__proto__") })), { code: "LOCK_IMAGE_UNKNOWN" });
    const other = { a: onto("b", { platforms: ["linux/arm64"] }), b: imageDocument([]) };
    await assert.rejects(t.lock(fleet(other)), { code: "LOCK_PLATFORM_MISSING" });
    await assert.rejects(t.lock(imageDocument(["x"], { from: { kind: "scratch" } })), { code: "LOCK_IMAGE_SOURCES" });
    const twice = {
      a: imageDocument([]),
      b: imageDocument([], {
        from: { kind: "debian", suite: "fixture", sources: [{ ...sourceOf("fixture"), components: ["main", "x"] }] },
      }),
    };
    await assert.rejects(t.lock(fleet(twice)), { code: "LOCK_SOURCE_CONFLICT" });
  });

  it("says of which image an impossible set is", async () => {
    await using t = await rig();
    await assert.rejects(t.lock(imageDocument(["app (>= 9)"])), (error: AshlarError) => {
      assert.match(error.code, /^SOLVER_/);
      assert.match(error.because.join("\n"), /image "web" for linux\/amd64/);
      return true;
    });
  });
});

describe("fetchPackages", () => {
  it("brings every package of a lock, verified, and offline names all that is missing", async () => {
    await using t = await rig();
    const lock = await t.lock(imageDocument(["app", "tool"]));
    const source = sourceOf("fixture");
    const requests = (lock.images[0]?.packages ?? []).map((item) => ({ ...item, source, dateSeconds }));
    const options = { area: t.area, mirrors: { mirror: t.server.base } };
    const offline = openFetcher({ area: t.area, offline: true });
    await assert.rejects(fetchPackages(offline, requests, options), (error: AshlarError) => {
      assert.equal(error.code, "FETCH_OFFLINE");
      assert.equal((error.details["missing"] as string[]).length, requests.length);
      return true;
    });
    const fetcher = openFetcher({ area: t.area });
    const heard: string[] = [];
    const paths = await fetchPackages(fetcher, requests, { ...options, onFile: (digest) => heard.push(digest) });
    assert.equal(paths.size, requests.length);
    assert.deepEqual(heard.sort(), requests.map(({ digest }) => digest).sort());
    assert.equal((await fetchPackages(offline, requests, { area: t.area, mirrors: {} })).size, requests.length);
    await fetcher.close();
  });
});
