// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { dumpTree } from "../testing/make-package.ts";
import { type Files, ruleContents as contents, ruled } from "../testing/rule-tree.ts";

const plain = (path: string, text: string): string => `/${path} file 0644 0:0 ${JSON.stringify(text)}`;

test("installation-secrets removes what can be made again, with its other names, and reports all", () => {
  const made: Files = {
    "etc/ssh/ssh_host_rsa_key": { text: "-----BEGIN OPENSSH PRIVATE KEY-----\n", mode: 0o600 },
    "etc/ssh/ssh_host_rsa_key.pub": "ssh-rsa AAAA",
    "etc/ssl/certs/62742064.0": { link: "ssl-cert-snakeoil.pem" },
    "etc/ssl/certs/ca.0": { link: "ssl-cert-snakeoil.pem" },
    "etc/ssl/certs/ssl-cert-snakeoil.pem": "x",
    "etc/tool/key.pem": "-----BEGIN PRIVATE KEY-----\nabc\n",
  };
  const result = ruled(made);
  assert.deepEqual(
    result.tree.filter(({ type }) => type !== "dir").map(({ path }) => path),
    ["etc/ssl/certs/ca.0", "etc/tool/key.pem"],
  );
  assert.deepEqual(result.secrets, [
    {
      path: "etc/ssh/ssh_host_rsa_key",
      kind: "ssh host key",
      package: "openssh-server",
      action: "removed",
      regenerate: "ssh-keygen -A",
    },
    {
      path: "etc/ssh/ssh_host_rsa_key.pub",
      kind: "ssh host key",
      package: "openssh-server",
      action: "removed",
      regenerate: "ssh-keygen -A",
    },
    {
      path: "etc/ssl/certs/ssl-cert-snakeoil.pem",
      kind: "self-signed certificate",
      package: "ssl-cert",
      action: "removed",
      regenerate: "make-ssl-cert generate-default-snakeoil --force-overwrite",
    },
    { path: "etc/tool/key.pem", kind: "private key", action: "kept" },
  ]);
  assert.ok(
    result.applied.some(({ path, what }) => path === "etc/tool/key.pem" && what === "kept: private key"),
  );
});

test("installation-secrets sees a key under each of its hard links", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nabc\n";
  const both = { "etc/ssh/ssh_host_a_key": key, "srv/copy": { hardlink: "etc/ssh/ssh_host_a_key" } };
  const { tree, secrets } = ruled(both);
  assert.deepEqual(
    secrets.map(({ path, action }) => `${path} ${action}`),
    ["etc/ssh/ssh_host_a_key removed", "srv/copy kept"],
  );
  assert.deepEqual(dumpTree(tree, contents).at(-1), plain("srv/copy", key));
});

test("installation-secrets keeps and reports what a step of the user made", () => {
  const { tree, secrets } = ruled(
    { "etc/ssh/ssh_host_rsa_key": "x", "var/lib/mysql/ibdata1": "x" },
    {},
    "steps",
  );
  assert.deepEqual(
    secrets.map(({ action }) => action),
    ["kept", "kept"],
  );
  assert.equal(tree.filter(({ type }) => type === "file").length, 2);
});

test("database-clusters removes what PostgreSQL and MariaDB made, down to the directories of their packages", () => {
  const made = {
    "etc/postgresql/15/main/postgresql.conf": "x",
    "var/lib/postgresql/15/main/global/pg_control": "x",
    "var/lib/postgresql/15/main/base/1/112": "x",
    "var/log/postgresql/postgresql-15-main.log": { mode: 0o640 },
    "var/lib/mysql/ibdata1": "x",
    "var/lib/mysql/sys/x.frm": "x",
  };
  const result = ruled(made, {
    "var/lib/mysql/": { uid: 100 },
    "var/log/postgresql/": {},
    "var/lib/postgresql/": {},
  });
  const paths = result.tree.map(({ path }) => path as string).filter((path) => path.split("/").length > 2);
  assert.deepEqual(paths, [
    "etc/postgresql/15",
    "var/lib/mysql",
    "var/lib/postgresql",
    "var/lib/postgresql/15",
    "var/log/postgresql",
  ]);
  assert.deepEqual(
    result.secrets.map(({ kind }) => kind),
    ["MariaDB or MySQL data", "PostgreSQL cluster"],
  );
});
