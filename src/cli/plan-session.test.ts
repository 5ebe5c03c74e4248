// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Accounts } from "../assemble/index.ts";
import { isAshlarError } from "../base/index.ts";
import type { RunConfig } from "../oci/index.ts";
import { planSession, type SessionWishes } from "./plan-session.ts";

const line = { password: "*", gecos: "", shell: "/bin/sh" };
const accounts: Accounts = {
  users: [
    { ...line, name: "root", uid: 0, gid: 0, home: "/root" },
    { ...line, name: "web", uid: 33, gid: 44, home: "/var/www" },
    { ...line, name: "1000", uid: 5, gid: 6, home: "/odd" },
  ],
  groups: [
    { name: "web", password: "*", gid: 44, members: [] },
    { name: "logs", password: "*", gid: 4, members: ["web"] },
    { name: "video", password: "*", gid: 8, members: ["root", "web"] },
  ],
};

function plan(
  config: RunConfig,
  wishes: SessionWishes = {},
  read = (): Accounts => accounts,
): ReturnType<typeof planSession> {
  return planSession({ config, accounts: read, wishes, argv: ["true"], cwd: "/home/me", term: undefined });
}

const users: readonly (readonly [string, object])[] = [
  ["web", { uid: 33, gid: 44, groups: [4, 8] }],
  ["33", { uid: 33, gid: 44, groups: [4, 8] }],
  ["web:logs", { uid: 33, gid: 4, groups: [] }],
  ["web:99", { uid: 33, gid: 99, groups: [] }],
  ["1000", { uid: 1000, gid: 0, groups: [] }],
  ["77", { uid: 77, gid: 0, groups: [] }],
  ["77:78", { uid: 77, gid: 78, groups: [] }],
  [":logs", { uid: 0, gid: 4, groups: [] }],
  ["web:", { uid: 33, gid: 44, groups: [4, 8] }],
];

for (const [text, wanted] of users) {
  test(`planSession takes "${text}" for a user as container engines do`, () => {
    assert.deepEqual(plan({ user: text }).user, wanted);
    assert.deepEqual(plan({ user: "root" }, { user: text }).user, wanted);
  });
}

test("planSession knows root without reading the image's accounts", () => {
  const never = (): never => assert.fail("read");
  for (const user of [undefined, "", "0", "root"]) {
    const { user: found, command } = plan({ ...(user !== undefined && { user }) }, {}, never);
    assert.deepEqual(found, { uid: 0, gid: 0, groups: [] });
    assert.equal(command.env?.["HOME"], "/root");
  }
});

test("planSession refuses users and groups that are not there", () => {
  for (const user of ["nobody", "web:nobody", "-1", "4294967295"]) {
    assert.throws(
      () => plan({ user }),
      (error) => isAshlarError(error, "ASSEMBLE_OWNER_UNKNOWN"),
    );
  }
});

test("planSession makes the environment of config and wishes and nothing else", () => {
  const { command } = plan(
    { user: "web", env: ["PATH=/bin", "EMPTY=", "X=1", "__proto__=y"] },
    { env: ["X=a=b", "NEW="] },
  );
  assert.deepEqual(Object.entries(command.env ?? {}).sort(), [
    ...[
      ["EMPTY", ""],
      ["HOME", "/var/www"],
      ["HOSTNAME", "localhost"],
      ["NEW", ""],
      ["PATH", "/bin"],
    ],
    ...[
      ["X", "a=b"],
      ["__proto__", "y"],
    ],
  ]);
  assert.match(plan({}).command.env?.["PATH"] ?? "", /^\/usr\/local\/sbin:/);
});

test("planSession reads mounts; the source counts from where the user is", () => {
  const mount = ["site:/srv/www:ro", "/a:b:/c", "../x:/y:rw", "/d:/e/"];
  assert.deepEqual(plan({}, { mount }).mounts, [
    { source: "/home/me/site", target: "/srv/www", writable: false },
    { source: "/a:b", target: "/c", writable: true },
    { source: "/home/x", target: "/y", writable: true },
    { source: "/d", target: "/e", writable: true },
  ]);
});

const refused: readonly (readonly [string, SessionWishes, string])[] = [
  ["a mount without a target", { mount: ["/tmp"] }, "USAGE_MOUNT"],
  ["a mount at a relative path", { mount: ["/tmp:srv"] }, "USAGE_MOUNT"],
  ["a mount of nothing", { mount: [":/srv"] }, "USAGE_MOUNT"],
  ["an unknown way to mount", { mount: ["/tmp:/srv:rx"] }, "USAGE_MOUNT"],
  ["a variable without a value", { env: ["NAME"] }, "USAGE_ENV"],
  ["a variable without a name", { env: ["=x"] }, "USAGE_ENV"],
  ["a relative directory", { workdir: "srv" }, "USAGE_WORKDIR"],
];

for (const [title, wishes, code] of refused) {
  test(`planSession refuses ${title}`, () => {
    assert.throws(
      () => plan({}, wishes),
      (error) => isAshlarError(error, code),
    );
  });
}
