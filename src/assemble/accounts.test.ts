// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { UserDocument } from "../spec/index.ts";
import { encodeGroup, encodePasswd, parseGroup, parsePasswd } from "./account-files.ts";
import { type Accounts, addUsers, groupOf, resolveOwner } from "./accounts.ts";

const accounts: Accounts = {
  users: parsePasswd(
    Buffer.from("root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33:www-data:/var/www:/usr/sbin/nologin\n"),
    "passwd",
  ),
  groups: parseGroup(Buffer.from("root:*:0:\nwww-data:*:33:\nusers:*:100:a,b\n"), "group"),
};

function user(some: Partial<UserDocument> & { uid: number }): UserDocument {
  return { gid: some.uid, home: "/nonexistent", shell: "/usr/sbin/nologin", gecos: "", groups: [], ...some };
}

test("parsePasswd and parseGroup read what encodePasswd and encodeGroup write", () => {
  assert.deepEqual(parsePasswd(encodePasswd(accounts.users), "x"), accounts.users);
  assert.deepEqual(parseGroup(encodeGroup(accounts.groups), "x"), accounts.groups);
  assert.deepEqual(accounts.groups[2]?.members, ["a", "b"]);
});

for (const [what, text] of [
  ["too few fields", "root:*:0:0:root:/root\n"],
  ["too many fields", "root:*:0:0:root:/root:/bin/sh:\n"],
  ["a negative id", "root:*:-1:0:root:/root:/bin/sh\n"],
  ["an id beyond 32 bits", "root:*:4294967295:0:root:/root:/bin/sh\n"],
  ["a name twice", "a:*:1:1:::\na:*:2:2:::\n"],
  ["no name", ":*:1:1:::\n"],
] as const) {
  test(`parsePasswd refuses ${what}`, () => {
    assert.throws(() => parsePasswd(Buffer.from(text), "passwd.master"), {
      code: "ASSEMBLE_ACCOUNTS_INVALID",
      message: /passwd\.master: line \d/,
    });
  });
}

test("addUsers adds users by name, with a group of their own where their gid has none", () => {
  const result = addUsers(accounts, {
    web: user({ uid: 10001, groups: ["users"] }),
    app: user({ uid: 10000, gid: 33 }),
  });
  assert.equal(
    Buffer.from(encodePasswd(result.users.slice(2))).toString(),
    "app:*:10000:33::/nonexistent:/usr/sbin/nologin\nweb:*:10001:10001::/nonexistent:/usr/sbin/nologin\n",
  );
  assert.equal(
    Buffer.from(encodeGroup(result.groups)).toString(),
    "root:*:0:\nwww-data:*:33:\nusers:*:100:a,b,web\nweb:*:10001:\n",
  );
});

test("addUsers accepts a user that is there already in the same form", () => {
  const once = addUsers(accounts, { web: user({ uid: 10001 }) });
  assert.deepEqual(addUsers(once, { web: user({ uid: 10001, gecos: "Web" }) }), once);
});

for (const [what, users, code, message] of [
  ["a name that has another uid", { "www-data": user({ uid: 9 }) }, "ASSEMBLE_USER_CONFLICT", /uid 33/],
  ["a uid that has another name", { web: user({ uid: 33 }) }, "ASSEMBLE_USER_CONFLICT", /belongs to "www-data"/],
  ["a group name that has another gid", { users: user({ uid: 500 }) }, "ASSEMBLE_USER_CONFLICT", /gid 100/],
  ["a group that is not there", { web: user({ uid: 500, groups: ["docker"] }) }, "ASSEMBLE_USER_INVALID", /"docker"/],
  ["a name with a colon", { "a:b": user({ uid: 500 }) }, "ASSEMBLE_USER_INVALID", /want a name/],
  ["a gecos with a line end", { web: user({ uid: 500, gecos: "x\ny:*:0:0" }) }, "ASSEMBLE_USER_INVALID", /line end/],
  ["a relative home", { web: user({ uid: 500, home: "home" }) }, "ASSEMBLE_USER_INVALID", /absolute/],
  ["a uid that is no number", { web: user({ uid: Number.NaN }) }, "ASSEMBLE_USER_INVALID", /no id/],
] as const) {
  test(`addUsers refuses ${what}`, () => {
    assert.throws(() => addUsers(accounts, users as unknown as Record<string, UserDocument>), { code, message });
  });
}

test("resolveOwner takes names and numbers, and groupOf knows a user's group", () => {
  assert.equal(resolveOwner(accounts, "www-data", "user"), 33);
  assert.equal(resolveOwner(accounts, "users", "group"), 100);
  assert.equal(resolveOwner(accounts, "12345", "user"), 12345);
  assert.equal(groupOf(accounts, 33), 33);
  assert.equal(groupOf(accounts, 12345), 12345);
  assert.throws(() => resolveOwner(accounts, "users", "user"), {
    code: "ASSEMBLE_OWNER_UNKNOWN",
    message: /user "users"/,
  });
});
