// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { type FullRig, openFullRig, readText } from "./full-rig.ts";
import { missing } from "./programs.ts";

const skip = missing(["dpkg", "taskset", "faketime"]);
let opened: FullRig | undefined;
const rig = async (): Promise<FullRig> => (opened ??= await openFullRig());
after(() => opened?.close());

interface Result {
  readonly images: readonly {
    readonly platforms: readonly { readonly secrets?: readonly { readonly path: string }[] }[];
  }[];
  readonly check: { readonly varied: readonly string[]; readonly kept: readonly string[] };
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly details: {
      readonly paths: readonly { path: string; candidates: readonly { kind: string }[] }[];
    };
  };
}

async function build(
  name: string,
  packages: readonly string[],
  args: readonly string[],
): Promise<[number | null, Result, string]> {
  const { ashlar, project } = await rig();
  const { status, out, err } = await ashlar(["build", project(name, { packages }), "--json", ...args]);
  return [status, JSON.parse(out) as Result, err];
}

test(
  "build --check runs scripts again under circumstances that it measures, and rules make the results one",
  { skip },
  async () => {
    const { store } = await rig();
    const [status, { check }, err] = await build("ruled", ["odd-ruled"], ["--check"]);
    assert.equal(status, 0, err);
    assert.ok(check.varied.includes("the host name in the sandbox"), check.varied.join());
    const sandboxed = [...check.varied, ...check.kept].filter((line) => line.includes("in the sandbox"));
    assert.equal(sandboxed.length, 4, "each is either varied or said to be kept");
    assert.match(err, /\/etc\/ssh\/ssh_host_odd_key is a secret \(ssh host key\).*ssh-keygen -A/);
    const [, again] = await build("ruled", ["odd-ruled"], []);
    const { secrets } = again.images[0]?.platforms[0] ?? {};
    assert.ok(secrets?.some(({ path }) => path === "etc/ssh/ssh_host_odd_key"), "also where all is remembered");
    assert.ok(existsSync(store));
  },
);

test(
  "rules leave an account's day, an empty machine-id and log, and no key and cache",
  { skip },
  async () => {
    const one = await rig();
    const { root } = await one.build(one.project("ruled", { packages: ["odd-ruled"] }));
    assert.match(readText(root, "etc/shadow"), /^odd-ruled:[^:]*:3652:/m);
    assert.deepEqual([readText(root, "etc/machine-id"), readText(root, "var/log/odd-ruled.log")], ["", ""]);
    const gone = ["etc/ssh/ssh_host_odd_key", "var/cache/man/index.db", "var/cache/debconf/config.dat-old"];
    assert.deepEqual(
      gone.filter((path) => existsSync(join(root, path))),
      [],
    );
  },
);

test(
  "build --check names every path that scripts made differently, and what it looks like",
  { skip },
  async () => {
    const [status, { error }, err] = await build("leaky", ["odd-leaky"], ["--check"]);
    assert.equal(status, 7, err);
    assert.equal(error.code, "CHECK_DIFFERS");
    const kinds = error.details.paths.map(({ path, candidates }) => [path, candidates[0]?.kind].join(" "));
    const always = [
      "etc/odd-leaky/date date",
      "etc/odd-leaky/key.pem secret",
      "etc/odd-leaky/name host name",
      "etc/odd-leaky/number random",
    ];
    // On a machine with one processor there are not fewer.
    assert.deepEqual(
      kinds.filter((line) => !line.includes("/processors ")),
      always,
    );
    assert.match(
      err,
      /\/etc\/odd-leaky\/name, from byte 0: the content differs; it holds the host name "ashlar-elsewhere"/,
    );
    assert.match(error.hint, /docs\/determinism-rules\.md/);
  },
);

test(
  "a question without answer and default ends the build with the question and the line to write",
  { skip },
  async () => {
    const [status, { error }] = await build("quiz", ["odd-quiz"], []);
    assert.equal(status, 1);
    assert.equal(error.code, "ASSEMBLE_DEBCONF_UNANSWERED");
    assert.match(error.message, /Cannot install odd-quiz: debconf question "odd-quiz\/realm" has no answer/);
    assert.match(error.hint, /debconf: \{ "odd-quiz\/realm": "\.\.\." \}/);
    const one = await rig();
    const debconf = { "odd-quiz/realm": "EXAMPLE.COM" };
    const { root } = await one.build(one.project("quiz-answered", { packages: ["odd-quiz"], debconf }));
    assert.equal(readText(root, "etc/odd-quiz"), "EXAMPLE.COM\n");
    const typo = one.project("quiz-typo", { packages: ["odd-quiz"], debconf: { "odd-quiz/relam": "x" } });
    const ended = await one.ashlar(["build", typo]);
    assert.match(
      ended.err,
      /ASSEMBLE_DEBCONF_UNKNOWN.*"odd-quiz\/relam"[\s\S]*did you mean "odd-quiz\/realm"\?/,
    );
  },
);
