// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { startTestRegistry, type TestRegistry } from "../src/registry/testing/test-registry.ts";
import { makeFixture } from "./fixture.ts";
import { build, makePlace } from "./run-build.ts";
import { type CommandEnded, runCommand } from "./run-command.ts";

const place = makePlace(await makeFixture());
const out = mkdtempSync(join(place.base, "out-"));
const images = await build(place, { args: ["--image", "web", "--output", `oci:${join(out, "layout")}:web`] });
const name = images.at(-1)?.name as string;
const digest = images.at(-1)?.digest as string;
after(() => rmSync(place.base, { recursive: true, force: true }));

const ashlar = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandEnded> =>
  runCommand({ store: place.store, home: out, env }, args);

async function must(...args: readonly string[]): Promise<CommandEnded> {
  const ended = await ashlar(args);
  assert.equal(ended.status, 0, ended.err);
  return ended;
}

async function using(options: Parameters<typeof startTestRegistry>[0], use: (registry: TestRegistry) => Promise<void>) {
  await using registry = await startTestRegistry(options);
  await use(registry);
}

test("push sends an image of the store once, and its last line is the reference with tag and digest", () =>
  using({}, async (registry) => {
    const ref = `${registry.host}/team/web`;
    assert.equal((await must("push", name, `${ref}:1`)).last, `${ref}:1@${digest}`);
    const first = registry.requests.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    registry.requests.length = 0;
    const again = JSON.parse((await must("push", digest, ref, "--json")).out) as Record<string, unknown>;
    assert.equal(again["reference"], `${ref}:latest@${digest}`);
    assert.deepEqual([again["copied"], again["sentBytes"]], [0, 0]);
    const second = registry.requests.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    assert.ok(second < 5000 && first > 100_000, `${first} ${second}`);
    const tags = registry.repositories.get("team/web")?.tags;
    assert.deepEqual([...(tags ?? [])].sort(), [["1", digest], ["latest", digest]]);
    assert.equal((await must("push", name, `docker://${ref}@${digest}`)).last, `${ref}@${digest}`);
  }));

test("a destination that is named with a digest takes nothing else, and no tag is written", () =>
  using({}, async (registry) => {
    const ref = `${registry.host}/team/web:1@${digest}`;
    for (const args of [["push", name], ["copy", "oci:layout:web"]]) {
      const other = await ashlar([...args, ref, "--platform", "linux/arm64"]);
      assert.equal(other.status, 2, other.err);
      assert.match(other.err, /error\[USAGE_REFERENCE\].*has digest sha256:.*want sha256:/);
      assert.equal((await ashlar([...args, ref, "--platform", "linux"])).status, 2);
    }
    assert.ok(registry.requests.every(({ method }) => method === "GET" || method === "HEAD"));
    assert.equal((await must("copy", "oci:layout:web", ref)).last, ref);
  }));

test("push mounts what it pushed to another repository before, and sends what is not there after all", () =>
  using({}, async (registry) => {
    await must("push", name, `${registry.host}/team/web:1`);
    assert.match((await must("push", name, `${registry.host}/team/again:1`)).err, /push: 0 B sent/);
    assert.equal(registry.repositories.get("team/again")?.tags.get("1"), digest);
    registry.repositories.clear();
    assert.match((await must("push", name, `${registry.host}/team/third:1`)).err, /push: \d+\.\d .B sent/);
    assert.equal(registry.repositories.get("team/third")?.tags.get("1"), digest);
  }));

test("copy goes between registries, layouts and archives without a change, and shows a bar of bytes", () =>
  using({}, async (registry) => {
    const ref = `${registry.host}/team/web:1`;
    const shown = await must("copy", `oci:layout:web`, ref, "--progress", "tty");
    assert.equal(shown.last, `${ref}@${digest}`);
    assert.match(shown.err, /copy .*[░█]+.* of \d+\.\d .B/);
    assert.equal((await must("copy", ref, "oci:back:x")).last, `oci:back:x@${digest}`);
    const other = `${registry.host}/other/web:2`;
    assert.match((await must("copy", ref, other)).err, /copy: 0 B sent/);
    assert.equal(registry.repositories.get("other/web")?.tags.get("2"), digest);
    const archive = await must("copy", other, "oci-archive:one.tar:1", "--platform", "linux/arm64", "--parallel", "1");
    assert.match(archive.last, /^oci-archive:one\.tar:1@sha256:[0-9a-f]{64}$/);
    assert.notEqual(archive.last.split("@")[1], digest);
  }));

test("inspect, tree, cat and diff look at images of registries, but a name of the store comes first", () =>
  using({}, async (registry) => {
    const ref = `${registry.host}/team/web:1`;
    await must("push", name, ref);
    const platform = ["--platform", "linux/amd64"];
    assert.equal((await must("cat", ref, "/etc/web.conf", ...platform)).out, "listen 8080\n");
    assert.equal((await must("tree", ref, ...platform)).out, (await must("tree", name, ...platform)).out);
    assert.equal((await must("diff", name, ref, "--exit-code", ...platform)).status, 0);
    // The fixture's name begins with a host that does not exist.
    assert.match(name, /^registry\.example\.com\//);
    await must("inspect", name, ...platform);
  }));

test("logins come from docker's and podman's files and from helpers, and every refusal ends with 6 and a hint", () =>
  using({ auth: { kind: "token", user: "me", password: "secret" } }, async (registry) => {
    const ref = `${registry.host}/team/web:1`;
    const denied = await ashlar(["push", name, ref]);
    assert.equal(denied.status, 6);
    assert.match(denied.err, /error\[REGISTRY_AUTH\](.|\n)*docker login 127\.0\.0\.1:\d+/);
    const config = join(out, "docker");
    mkdirSync(config);
    const auth = Buffer.from("me:secret").toString("base64");
    writeFileSync(join(config, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    assert.equal((await ashlar(["push", name, ref], { DOCKER_CONFIG: config })).status, 0);
    const podman = join(out, "auth.json");
    writeFileSync(podman, JSON.stringify({ auths: { [`${registry.host}/team`]: { auth } } }));
    assert.equal((await ashlar(["push", name, ref], { REGISTRY_AUTH_FILE: podman })).status, 0);
    const bin = join(out, "bin");
    mkdirSync(bin);
    const helper = `#!/bin/sh\nread -r server\n[ "$1 $server" = "get ${registry.host}" ] || exit 1\n`;
    writeFileSync(join(bin, "docker-credential-test"), `${helper}echo '{"Username":"me","Secret":"secret"}'\n`);
    chmodSync(join(bin, "docker-credential-test"), 0o755);
    writeFileSync(join(config, "config.json"), JSON.stringify({ credsStore: "test" }));
    const env = { DOCKER_CONFIG: config, PATH: `${bin}:${process.env["PATH"]}` };
    assert.equal((await ashlar(["push", name, ref], env)).status, 0);
    writeFileSync(join(config, "config.json"), JSON.stringify({ credsStore: "absent" }));
    const absent = await ashlar(["push", name, ref], env);
    assert.equal(absent.status, 6);
    assert.match(absent.err, /docker-credential-absent.*not installed/);
    writeFileSync(join(config, "config.json"), "{");
    assert.match((await ashlar(["push", name, ref], env)).err, /error\[REGISTRY_AUTH_FILE\]/);
  }));

test("mirrors and insecure registries come from registries.json", () =>
  using({}, async (registry) => {
    await must("push", name, `${registry.host}/hub/library/web:1`);
    const file = join(out, "registries.json");
    writeFileSync(file, JSON.stringify({ mirrors: { "docker.io": [`${registry.host}/hub`] } }));
    const env = { ASHLAR_REGISTRIES: file };
    const copied = await ashlar(["copy", "docker://web:1", "oci:hub:1"], env);
    assert.equal(copied.last, `oci:hub:1@${digest}`, copied.err);
    writeFileSync(file, JSON.stringify({ mirror: {} }));
    const wrong = await ashlar(["copy", "docker://web:1", "oci:hub:1"], env);
    assert.equal(wrong.status, 2);
    assert.match(wrong.err, /error\[USAGE_REGISTRIES_FILE\].*"mirror" is not known/);
  }));

test("what cannot be meant is refused before anything is sent, with what to write instead", async () => {
  const cases = [
    [["push", name, "team/web"], /docker:\/\/team\/web/],
    [["push", name, "localhost:1/UPPER"], /OCI_REFERENCE/],
    [["copy", name, "nowhere"], /KIND:PATH/],
    [["push", name, "localhost:1/x", "--parallel", "0"], /from 1 to 64/],
    [["push", name, `localhost:1/x@sha256:${"0".repeat(64)}`], /has digest sha256:.*want sha256:0{64}(.|\n)*by a tag/],
  ] as const;
  for (const [args, pattern] of cases) {
    const { status, err } = await ashlar(args);
    assert.match(err, pattern);
    assert.equal(status, 2, err);
  }
  const { status, err } = await ashlar(["push", "no/such", "localhost:1/x"]);
  assert.equal(status, 1);
  assert.match(err, /IMAGE_NOT_FOUND/);
});

test("errors of the command line itself are values with --json too", async () => {
  for (const args of [["push", "a"], ["push", "a", "b", "--no-such"], ["pull"]]) {
    const { status, out: text } = await ashlar([...args, "--json"]);
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    assert.deepEqual([status, error.code], [2, "USAGE_COMMAND_LINE"]);
    assert.match(error.message, /^(missing|unknown)/);
  }
});

test("errors are values with --json", () =>
  using({ mischief: () => ({ status: 403 }) }, async (registry) => {
    const { status, out: text } = await ashlar(["push", name, `${registry.host}/x`, "--json"]);
    assert.equal(status, 6);
    const { error } = JSON.parse(text) as { error: { code: string; details: { status: number } } };
    assert.deepEqual([error.code, error.details.status], ["REGISTRY_DENIED", 403]);
  }));
