// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type AshlarError, digestOf } from "../base/index.ts";
import { checkLock } from "./check-lock.ts";
import { compareLocks, showLockChanges } from "./compare-locks.ts";
import { encodeLock } from "./encode-lock.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import { parseLock } from "./parse-lock.ts";
import { packagesOf, withUnpacked } from "./unpacked.ts";
import { askedOf } from "./asked.ts";
import { documentDigest } from "../spec/index.ts";
import { imageDocument } from "./testing/lock-rig.ts";

const document = imageDocument(["app (>= 1)"]);

function locked(name: string, more: Partial<LockedPackage> = {}): LockedPackage {
  return {
    name,
    version: "1:1.0~rc1-1+b1",
    architecture: "amd64",
    digest: digestOf(name),
    sizeBytes: 1234,
    filename: `pool/main/${name}_1.0.deb`,
    sourceName: name,
    sourceVersion: "1.0",
    from: "fixture",
    phase: "packages",
    use: "install",
    by: ["spec"],
    ...more,
  };
}

const source = {
  name: "fixture",
  suite: "fixture",
  codename: "fixture",
  release: digestOf("release"),
  dateSeconds: 1_700_000_000,
  signedBy: ["A".repeat(40)],
};

function lockOf(packages: readonly LockedPackage[], more: Partial<Lock> = {}): Lock {
  return {
    document: documentDigest(document),
    compressor: "test/1",
    asked: askedOf(document),
    sources: [source],
    images: [{ image: "web", platform: "linux/amd64", packages }],
    steps: [],
    ...more,
  };
}

const lock = lockOf([
  locked("app"),
  locked("base-passwd", { use: "data", phase: "base", by: ["base"] }),
  locked("lib", { by: ["app"] }),
]);
const text = encodeLock(lock);

function refuses(edited: string, pattern: RegExp, code = "LOCK_INVALID"): AshlarError {
  assert.notEqual(edited, text, "the edit changes something");
  let caught: AshlarError | undefined;
  assert.throws(
    () => parseLock(Buffer.from(edited), "ashlar.lock"),
    (error: AshlarError) => {
      assert.equal(error.code, code, String(error));
      assert.match(error.message, pattern);
      caught = error;
      return true;
    },
  );
  return caught as unknown as AshlarError;
}

describe("encodeLock and parseLock", () => {
  it("are each other's inverse, one package a line, with a final newline", () => {
    assert.deepEqual(parseLock(Buffer.from(text), "x"), lock);
    assert.equal(text.split("\n").filter((line) => line.startsWith('{"name":"app"')).length, 1);
    assert.ok(text.endsWith("}\n"));
    assert.deepEqual(JSON.parse(text).ashlar, "lock/v1");
  });

  it("do not depend on the order they are given", () => {
    const packages = [...(lock.images[0]?.packages ?? [])].reverse();
    assert.equal(encodeLock(lockOf(packages)), text);
  });

  it("keep signatures and overrides of sources, and locks without any package", () => {
    const odd = lockOf([], {
      sources: [{ ...source, signature: digestOf("sig"), overrides: ["expired", "older"] }],
    });
    assert.deepEqual(parseLock(Buffer.from(encodeLock(odd)), "x"), odd);
  });

  it("describe a package once for all images, and change one line when its version does", () => {
    const two = (version: string): Lock => {
      const packages = [locked("app", { version, digest: digestOf(version) })];
      const asked = ["a", "b"].map((image) => ({ ...(askedOf(document)[0] as Lock["asked"][0]), image }));
      return lockOf([], { asked, images: ["a", "b"].map((image) => ({ image, platform: "linux/amd64", packages })) });
    };
    const [before, after] = [encodeLock(two("1.0")).split("\n"), encodeLock(two("2.0")).split("\n")];
    assert.equal(before.filter((line, i) => line !== after[i]).length, 1);
    assert.equal(before.length, after.length);
  });

  it("tell versions apart where images hold different ones", () => {
    const asked = ["a", "b"].map((image) => ({ ...(askedOf(document)[0] as Lock["asked"][0]), image }));
    const images = ["a", "b"].map((image, i) => ({
      image,
      platform: "linux/amd64",
      packages: [locked("app", { version: `${i}`, digest: digestOf(image) })],
    }));
    const both = lockOf([], { asked, images });
    assert.deepEqual(parseLock(Buffer.from(encodeLock(both)), "x"), both);
  });

  it("say what packages unpack to where somebody said it, and nothing more in the line where nobody did", () => {
    const record = digestOf("record");
    const told = withUnpacked(lock, new Map([[digestOf("app"), { version: 3, record }]]));
    const lines = encodeLock(told).split("\n");
    assert.deepEqual(
      lines.filter((line, i) => line !== text.split("\n")[i]),
      [lines.find((line) => line.includes(`"from":"fixture","unpacked":"3:${record}"}`))],
    );
    assert.deepEqual(parseLock(Buffer.from(encodeLock(told)), "x"), told);
    assert.equal(encodeLock(withUnpacked(lock, new Map())), text);
    const again = withUnpacked(told, new Map([[digestOf("app"), { version: 4, record: digestOf("other") }]]));
    assert.deepEqual(packagesOf(again).find(({ name }) => name === "app")?.unpacked?.version, 4);
  });
});

describe("parseLock", () => {
  it("refuses what a package cannot unpack to", () => {
    const record = digestOf("record");
    const said = (value: string): string => text.replace('"from":"fixture"}', `"from":"fixture","unpacked":${value}}`);
    assert.ok(parseLock(Buffer.from(said(`"3:${record}"`)), "x"));
    for (const value of [`"${record}"`, `"0:${record}"`, `"03:${record}"`, '"3:sha256:12"', "null", "3", "{}", '""']) {
      refuses(said(value), /unpacked of package "app" is/);
    }
    refuses(said(`"3:${record}","unpacked":"3:${record}"`), /not as Ashlar/);
    const twice = lockOf([], {
      sources: [source, { ...source, name: "other" }],
      asked: ["a", "b"].map((image) => ({ ...(askedOf(document)[0] as Lock["asked"][0]), image })),
      images: ["a", "b"].map((image, i) => {
        const packages = [locked("app", { from: i === 0 ? "fixture" : "other" })];
        return { image, platform: "linux/amd64", packages };
      }),
    });
    const both = encodeLock(withUnpacked(twice, new Map([[digestOf("app"), { version: 3, record }]])));
    assert.ok(parseLock(Buffer.from(both), "x"));
    const line = both.split("\n").find((item) => item.includes("unpacked")) as string;
    refuses(both.replace(line, line.replace(record, digestOf("other"))), /unpacks to two records/);
  });

  it("refuses what Ashlar would not have written, with the line", () => {
    const error = refuses(text.replace('{"name":"app",', '{"name": "app",'), /not as Ashlar writes it/);
    assert.equal(error.where?.line, text.slice(0, text.indexOf('{"name":"app"')).split("\n").length);
    refuses(text.trimEnd(), /not as Ashlar/);
    refuses(text.replaceAll("\n", "\r\n"), /not as Ashlar/);
    refuses(`\ufeff${text}`, /JSON|start/);
  });

  it("refuses repeated, unknown and special keys", () => {
    refuses(text.replace('"name":"app",', '"name":"app","name":"app",'), /not as Ashlar/);
    refuses(text.replace('"name":"app",', '"name":"app","url":"x",'), /unknown key "url"/);
    refuses(text.replace('"name":"app",', '"__proto__":{},"name":"app",'), /unknown key "__proto__"/);
    refuses(text.replace('"compressor"', '"constructor"'), /unknown key "constructor"/);
    refuses(text.replace('"compressor":"test/1",\n', ""), /"compressor" is missing/);
  });

  it("refuses later versions and other files", () => {
    refuses(text.replace("lock/v1", "lock/v2"), /format version 2/, "LOCK_VERSION");
    refuses("{}\n", /start with/);
    refuses("<<<<<<< HEAD\n", /start with/);
    refuses(text.replace('"images":[', '<<<<<<< HEAD\n"images":['), /not valid JSON/);
  });

  it("refuses digests, sizes, names and paths that are none", () => {
    const digest = digestOf("app");
    refuses(text.replace(digest, digest.toUpperCase()), /digest of package "app"/);
    refuses(text.replace(digest, "sha256:../../x"), /digest of package "app"/);
    for (const size of ["-1", "1.5", "1e30", '"1"', "null"])
      refuses(text.replace('"sizeBytes":1234', `"sizeBytes":${size}`), /sizeBytes/);
    for (const path of ["../../etc/passwd", "/etc/passwd", "pool/../../x", "http://127.0.0.1/x"])
      refuses(text.replace("pool/main/app_1.0.deb", path), /file name/);
    refuses(text.replace('"name":"app"', '"name":"../app"'), /name of a package/);
    refuses(text.replace('"1:1.0~rc1-1+b1"', '"1 0"'), /version/);
  });

  it("refuses references to what is not there, and what nobody refers to", () => {
    refuses(
      text.replace('"package":"lib:amd64"', '"package":"lib:i386"'),
      /holds package "lib:i386", which is not listed/,
    );
    refuses(text.replace('"by":["app"]', '"by":["nobody"]'), /because of "nobody"/);
    refuses(text.replaceAll('"from":"fixture"}', '"from":"other"}'), /source "other", which is not listed/);
    refuses(
      text.replace(/\{"package":"lib:amd64".*\n/, "").replace('"by":["base"]},', '"by":["base"]}'),
      /no image holds it/,
    );
    refuses(text.replace('"platform":"linux/amd64"', '"platform":"linux/arm64"'), /"asked" and "images"/);
    const line = text.split("\n").find((item) => item.startsWith('{"name":"app"')) as string;
    refuses(text.replace(line, `${line}\n${line}`), /listed|twice/);
  });

  it("refuses values of the wrong kind everywhere", () => {
    for (const value of ["null", "1", '"x"', "[]", "{}", "true"]) {
      for (const key of ["asked", "sources", "packages", "images"]) {
        const broken = text.replace(new RegExp(`"${key}":\\[\\n[^]*?\\n\\](?=,?\\n)`), `"${key}":${value}`);
        assert.throws(() => parseLock(Buffer.from(broken), "x"), { code: "LOCK_INVALID" }, `${key} ${value}`);
      }
    }
    assert.throws(() => parseLock(new Uint8Array([0x7b, 0xff]), "x"), { code: "LOCK_INVALID" });
    const deep = `{\n"ashlar":"lock/v1",\n"document":${"[".repeat(100_000)}`;
    assert.throws(() => parseLock(Buffer.from(deep), "x"), { code: "LOCK_INVALID" });
  });
});

describe("checkLock", () => {
  it("accepts the document's own lock", () => {
    checkLock(document, lock, "ashlar.lock");
  });

  it("says that there is none, or what changed since", () => {
    assert.throws(() => checkLock(document, undefined, "ashlar.lock"), { code: "LOCK_MISSING" });
    const because = (changed: typeof document): readonly string[] => {
      try {
        checkLock(changed, lock, "ashlar.lock");
      } catch (error) {
        assert.equal((error as AshlarError).code, "LOCK_STALE");
        return (error as AshlarError).because;
      }
      return assert.fail("stale locks are refused");
    };
    assert.deepEqual(because(imageDocument(["nginx"])), [
      'image "web": package nginx was added',
      'image "web": package app (>= 1) was removed',
    ]);
    assert.match(because(imageDocument(["app (>= 1)"], { base: "minbase" }))[0] ?? "", /base was none, is minbase/);
    assert.match(
      because(imageDocument(["app (>= 1)"], { platforms: ["linux/amd64", "linux/arm64"] }))[0] ?? "",
      /platform linux\/arm64/,
    );
    assert.match(
      because(imageDocument(["app (>= 1)"], { config: { cmd: ["x"] } }))[0] ?? "",
      /the same; files, config/,
    );
    assert.match(
      because(imageDocument(["app (>= 1)"], { from: { kind: "scratch" } })).join(),
      /from was debian:fixture.*source fixture was removed/,
    );
  });
});

describe("compareLocks", () => {
  it("tells what was added, removed, moved or rebuilt, and shows it as a table", () => {
    const before = lockOf([locked("gone"), locked("up"), locked("down"), locked("same"), locked("bytes")]);
    const after = lockOf([
      locked("new", { by: ["up"] }),
      locked("up", { version: "1:2.0", sizeBytes: 5000 }),
      locked("down", { version: "0.9" }),
      locked("same"),
      locked("bytes", { digest: digestOf("other") }),
    ]);
    const [image] = compareLocks(before, after);
    assert.deepEqual(
      image?.changes.map(({ kind, name }) => `${kind} ${name}`),
      ["rebuilt bytes", "downgraded down", "removed gone", "added new", "upgraded up"],
    );
    assert.equal(
      showLockChanges(compareLocks(before, after)),
      `web linux/amd64: 1 added, 1 removed, 1 upgraded, 1 downgraded, 1 rebuilt
  ≠ bytes:amd64  1:1.0~rc1-1+b1           +0 KiB  (spec)
  ↓ down:amd64   1:1.0~rc1-1+b1 -> 0.9    +0 KiB  (spec)
  - gone:amd64   1:1.0~rc1-1+b1           -2 KiB  (spec)
  + new:amd64    1:1.0~rc1-1+b1           +2 KiB  (up)
  ↑ up:amd64     1:1.0~rc1-1+b1 -> 1:2.0  +4 KiB  (spec)
`,
    );
  });

  it("says so where nothing changed, and counts new images as added", () => {
    assert.equal(showLockChanges(compareLocks(lock, lock)), "no package changes\n");
    assert.equal(compareLocks(undefined, lock)[0]?.state, "added");
  });
});
