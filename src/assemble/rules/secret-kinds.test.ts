// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { secretKindOf, secretKinds } from "./secret-kinds.ts";

/** Where packages of Debian 12 put them, and how they look; values made up. */
const cases: readonly (readonly [path: string, text: string, kind: string | undefined])[] = [
  ["etc/ssh/ssh_host_ed25519_key", "", "ssh host key"],
  ["etc/ssh/ssh_host_rsa_key.pub", "", "ssh host key"],
  ["etc/ssh/ssh_config", "Host *\n", undefined],
  ["etc/dropbear/dropbear_rsa_host_key", "", "dropbear host key"],
  ["etc/ssl/private/ssl-cert-snakeoil.key", "", "self-signed certificate"],
  ["etc/ssl/certs/ssl-cert-snakeoil.pem", "", "self-signed certificate"],
  ["etc/ssl/certs/ca-certificates.crt", "-----BEGIN CERTIFICATE-----\nMII\n", undefined],
  ["etc/bind/rndc.key", "", "name server control key"],
  ["etc/unbound/unbound_server.key", "", "name server control key"],
  ["var/lib/rabbitmq/.erlang.cookie", "ABC", "Erlang cookie"],
  ["etc/munge/munge.key", "", "MUNGE key"],
  ["var/lib/systemd/random-seed", "", "random seed"],
  ["etc/iscsi/initiatorname.iscsi", "", "iSCSI initiator name"],
  ["etc/nvme/hostnqn", "", "NVMe host name"],
  ["etc/krb5.keytab", "", "Kerberos keys"],
  ["etc/mysql/debian.cnf", "[client]\npassword = abc\n", "password for MySQL"],
  ["etc/mysql/debian.cnf", "[client]\nuser = root\n", undefined],
  [
    "var/cache/debconf/passwords.dat",
    "Name: slapd/password1\nValue: abc\n",
    "password in debconf's database",
  ],
  ["var/cache/debconf/passwords.dat", "Name: slapd/password1\nValue: \n", undefined],
  ["etc/shadow", "root:*:3652:0:99999:7:::\nweb:$y$j9T$abc:3652::::::\n", "password of an account"],
  ["etc/shadow", "root:*:3652:0:99999:7:::\nlock:!:3652::::::\n", undefined],
  ["etc/nginx/.htpasswd", "admin:$apr1$abc$def\n", "password file"],
  ["var/lib/tool/auth-cookie", "", "cookie"],
  ["srv/x.pem", "-----BEGIN RSA PRIVATE KEY-----\nMII\n", "private key"],
  ["srv/x.pem", "text\n-----BEGIN PRIVATE KEY-----\r\nMII\n", "private key"],
  ["root/.ssh/id", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3\n", "private key"],
  ["srv/key.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nb3\n", "private key"],
  // Descriptions of keys are none: shared-mime-info's magic numbers, a manual.
  ["usr/share/mime/magic", "[50:x]\n>0=\0\x1f-----BEGIN RSA PRIVATE KEY-----\n", undefined],
  ["usr/share/doc/x", "it begins with -----BEGIN PRIVATE KEY-----\n", undefined],
  ["etc/openvpn/ta.key", "#\n-----BEGIN OpenVPN Static key V1-----\n00\n", "OpenVPN key"],
  ["etc/wireguard/wg0.conf", "[Interface]\nPrivateKey = abc=\n", "WireGuard key"],
  ["etc/dhcp/rndc.key", 'key "k" {\n\tsecret "c2VjcmV0c2VjcmV0c2VjcmV0";\n};\n', "DNS key"],
  ["var/cache/bind/Kexample.private", "Private-key-format: v1.3\n", "DNSSEC private key"],
  ["var/lib/dpkg/status", "Package: ssl-cert\n", undefined],
];

test("secretKindOf knows secrets by path and by content, and takes nothing else for one", () => {
  for (const [path, text, kind] of cases) assert.equal(secretKindOf(path, () => text)?.kind, kind, path);
});

test("secretKinds names what makes a removed secret again, for each", () => {
  const silent = secretKinds.filter(
    ({ action, regenerate }) => action === "remove" && regenerate === undefined,
  );
  assert.deepEqual(silent, []);
  const expressions = secretKinds
    .flatMap(({ path, content }) => [path, content])
    .filter((one) => one !== undefined);
  // A global one would remember where the last match ended.
  assert.deepEqual(
    expressions.filter(({ flags }) => flags.includes("g")),
    [],
  );
});

test("secretKindOf takes time in proportion to a hostile text", () => {
  const started = process.cpuUsage();
  for (const text of [
    "-----BEGIN ".repeat(6000),
    "-----BEGIN A A A A".repeat(3000),
    " ".repeat(65_000),
    "\n".repeat(65_000),
    "a:".repeat(30_000),
  ]) {
    assert.equal(
      secretKindOf("etc/x", () => text),
      undefined,
    );
    assert.equal(
      secretKindOf("etc/shadow", () => text),
      undefined,
    );
    assert.equal(
      secretKindOf("etc/mysql/debian.cnf", () => text),
      undefined,
    );
    assert.equal(
      secretKindOf("etc/wireguard/x", () => text),
      undefined,
    );
  }
  assert.ok(process.cpuUsage(started).user < 2_000_000);
});
