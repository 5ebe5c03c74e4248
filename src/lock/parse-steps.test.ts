// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { digestOf } from "../base/index.ts";
import { encodeLock } from "./encode-lock.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import { parseLock } from "./parse-lock.ts";

function locked(name: string, more: Partial<LockedPackage> = {}): LockedPackage {
  return {
    name,
    version: "1.0",
    architecture: "amd64",
    digest: digestOf(name),
    sizeBytes: 1,
    filename: `pool/${name}.deb`,
    sourceName: name,
    sourceVersion: "1.0",
    from: "fixture",
    phase: "base",
    use: "tools",
    by: ["base"],
    ...more,
  };
}

const platform = "linux/amd64";
const lock: Lock = {
  document: digestOf("document"),
  compressor: "test/1",
  asked: [
    {
      image: "based",
      from: `oci:example/base@${digestOf("index")} debian:fixture`,
      sources: ["fixture@12345678"],
      base: "none",
      install: "unpack",
      packages: ["app"],
      steps: {},
      platforms: [platform],
    },
    {
      image: "web",
      from: "debian:fixture",
      sources: ["fixture@12345678"],
      base: "none",
      install: "full",
      packages: ["app"],
      steps: { build: ["gcc"], check: [] },
      platforms: [platform],
    },
  ],
  sources: [
    {
      name: "fixture",
      suite: "fixture",
      codename: "fixture",
      release: digestOf("release"),
      dateSeconds: 1,
      signedBy: ["A".repeat(40)],
    },
  ],
  images: [
    {
      image: "based",
      platform,
      manifest: digestOf("manifest"),
      packages: [locked("app", { phase: "packages", use: "install", by: ["spec"] })],
    },
    {
      image: "web",
      platform,
      packages: [locked("app", { phase: "packages", use: "install", by: ["spec"] }), locked("dash")],
    },
  ],
  steps: [
    {
      image: "web",
      step: "build",
      platform,
      packages: [locked("dash"), locked("gcc", { phase: "packages", by: ["spec"] })],
    },
    { image: "web", step: "check", platform, packages: [locked("dash")] },
  ],
};
const text = encodeLock(lock);

function refuses(from: string | RegExp, to: string, pattern: RegExp): void {
  const edited = text.replace(from, to);
  assert.notEqual(edited, text, "the edit changes something");
  assert.throws(() => parseLock(Buffer.from(edited), "ashlar.lock"), {
    code: "LOCK_INVALID",
    message: pattern,
  });
}

describe("encodeLock and parseLock with steps, tools and foreign bases", () => {
  it("are each other's inverse whatever the order, and describe a package once", () => {
    assert.deepEqual(parseLock(Buffer.from(text), "x"), lock);
    const turned = {
      ...lock,
      asked: lock.asked.map((asked) => ({ ...asked, steps: reversed(asked.steps) })).reverse(),
      images: [...lock.images].reverse(),
      steps: [...lock.steps].reverse().map((step) => ({ ...step, packages: [...step.packages].reverse() })),
    };
    assert.equal(encodeLock(turned), text);
    assert.equal(text.split("\n").filter((line) => line.startsWith('{"name":"dash"')).length, 1);
    assert.match(text, /\n\{"package":"dash:amd64","phase":"base","use":"tools","by":\["base"\]\}\n/);
    assert.match(
      text,
      /\n\{"image":"web","step":"check","platform":"linux\/amd64","packages":\[\n\{"package":"dash/,
    );
  });

  it("write nothing of what a lock does not use", () => {
    const { asked, images, ...rest } = lock;
    const old = {
      ...rest,
      asked: asked.map((one) => ({ ...one, from: "debian:fixture", install: "unpack" as const, steps: {} })),
      images: images.map(({ image, platform, packages }) => ({
        image,
        platform,
        packages: packages.slice(0, 1),
      })),
      steps: [],
    };
    assert.doesNotMatch(encodeLock(old), /"(steps?|install|manifest|use)":/);
    assert.deepEqual(parseLock(Buffer.from(encodeLock(old)), "x"), old);
  });
});

describe("parseLock of steps, tools and foreign bases", () => {
  it("refuses steps that were not asked for, and asked ones that are not there", () => {
    refuses('"steps":{"build":["gcc"],"check":[]},', "", /"web build linux\/amd64" does not stand in both/);
    refuses(
      '"check":[]',
      '"check":[],"more":[]',
      /"web more linux\/amd64" does not stand in both "asked" and "steps"/,
    );
    refuses('"step":"check"', '"step":"build"', /step "web build linux\/amd64" is listed twice/);
    refuses('{"image":"web","step":"check"', '{"image":"other","step":"check"', /"other check linux\/amd64"/);
    refuses('"check":[]', '"../check":[]', /name of a step is not valid/);
    refuses('"check":[]', '"__proto__":[]', /name of a step is not valid|does not stand/);
    refuses('{"build":["gcc"],"check":[]}', '["build"]', /steps is not an object/);
    refuses('"build":["gcc"]', '"build":[1]', /tools of a step is not a text/);
  });

  it("refuses packages of steps that are described nowhere, twice, or as something else than tools", () => {
    refuses('{"package":"gcc:amd64"', '{"package":"gcc:i386"', /holds package "gcc:i386"/);
    refuses(/\{"name":"gcc".*\n/, "", /holds package "gcc:amd64"|JSON/);
    refuses('{"package":"gcc:amd64"', '{"package":"dash:amd64"', /package "dash:amd64" is listed twice/);
    refuses(
      '"gcc:amd64","phase":"packages",',
      '"gcc:amd64","phase":"packages","use":"tools",',
      /unknown key "use"/,
    );
    refuses('"use":"tools"', '"use":"toys"', /use of package "dash:amd64"/);
    refuses('"use":"tools"', '"use":"install"', /not as Ashlar writes it/);
  });

  it("refuses ways of installing that are none, and manifests in the wrong place", () => {
    refuses('"install":"full"', '"install":"fully"', /install is not "full"/);
    refuses('"install":"full"', '"install":"unpack"', /install is not "full"/);
    refuses(/"manifest":"[^"]+",/, "", /manifest of image "based" is missing/);
    refuses(
      /("image":"web","platform":"linux\/amd64",)("packages")/,
      `$1"manifest":"${digestOf("x")}",$2`,
      /manifest/,
    );
    refuses(/"manifest":"sha256:/, '"manifest":"md5:', /manifest is not sha256/);
  });

  it("refuses values of the wrong kind, and a list of steps that is empty", () => {
    for (const value of ["null", "1", '"x"', "{}", "true", "[null]", "[[]]", "[]"]) {
      refuses(/"steps":\[\n[^]*\n\]\n\}\n$/, `"steps":${value}\n}\n`, /./);
    }
  });
});

function reversed<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).reverse());
}
