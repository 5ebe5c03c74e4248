// SPDX-License-Identifier: Apache-2.0
import type { FoundSecret } from "./rule.ts";

/** A kind of secret by where it lies, by what it holds, or both. */
export interface SecretKind extends FoundSecret {
  /** Matched with the path in the image; absent: any. */
  readonly path?: RegExp;
  /** Matched with the bytes as Latin-1. */
  readonly content?: RegExp;
  /** "remove" where the package's own start or the command makes it again; else "keep", and a report. */
  readonly action: "remove" | "keep";
}

const atStart = "start the service";

/**
 * Known secrets, first match wins. To add one: what `build --check` names as a difference with a key, or
 * what a package's postinst makes with openssl, ssh-keygen, mcookie, pwgen, uuidgen, /dev/urandom.
 */
export const secretKinds: readonly SecretKind[] = [
  {
    kind: "ssh host key",
    package: "openssh-server",
    path: /^etc\/ssh\/ssh_host_[^/]*key(\.pub)?$/,
    action: "remove",
    regenerate: "ssh-keygen -A",
  },
  {
    kind: "dropbear host key",
    package: "dropbear-bin",
    path: /^etc\/dropbear\/(initramfs\/)?dropbear_[^/]*_host_key(\.pub)?$/,
    action: "remove",
    regenerate: "dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key",
  },
  {
    kind: "self-signed certificate",
    package: "ssl-cert",
    path: /^etc\/ssl\/(private\/ssl-cert-snakeoil\.key|certs\/ssl-cert-snakeoil\.pem)$/,
    action: "remove",
    regenerate: "make-ssl-cert generate-default-snakeoil --force-overwrite",
  },
  {
    kind: "name server control key",
    package: "bind9",
    path: /^etc\/bind\/rndc\.key$/,
    action: "remove",
    regenerate: "rndc-confgen -a -A hmac-sha256 -b 256 -u bind",
  },
  {
    kind: "name server control key",
    package: "unbound",
    path: /^etc\/unbound\/unbound_(server|control)\.(key|pem)$/,
    action: "remove",
    regenerate: "unbound-control-setup",
  },
  {
    kind: "Erlang cookie",
    package: "rabbitmq-server",
    path: /^var\/lib\/[^/]+\/\.erlang\.cookie$/,
    action: "remove",
    regenerate: atStart,
  },
  {
    kind: "MUNGE key",
    package: "munge",
    path: /^etc\/munge\/munge\.key$/,
    action: "remove",
    regenerate: "mungekey --create",
  },
  {
    kind: "random seed",
    package: "systemd",
    path: /^var\/lib\/(systemd\/(random-seed|credential\.secret)|urandom\/random-seed)$/,
    action: "remove",
    regenerate: atStart,
  },
  {
    kind: "iSCSI initiator name",
    package: "open-iscsi",
    path: /^etc\/iscsi\/initiatorname\.iscsi$/,
    action: "remove",
    regenerate: 'echo "InitiatorName=$(iscsi-iname)" > /etc/iscsi/initiatorname.iscsi',
  },
  {
    kind: "NVMe host name",
    package: "nvme-cli",
    path: /^etc\/nvme\/host(nqn|id)$/,
    action: "remove",
    regenerate: "nvme gen-hostnqn > /etc/nvme/hostnqn",
  },
  {
    kind: "Kerberos keys",
    path: /(^|\/)[^/]+\.keytab$|^var\/lib\/krb5kdc\/|^etc\/krb5kdc\/(stash|\.k5\.)/,
    action: "keep",
  },
  {
    kind: "password for MySQL",
    path: /^etc\/mysql\/debian\.cnf$/,
    content: /^[ \t]*password[ \t]*=[ \t]*\S/m,
    action: "keep",
  },
  {
    kind: "password in debconf's database",
    path: /^var\/cache\/debconf\/passwords\.dat$/,
    content: /^Value: *\S/m,
    action: "keep",
    regenerate: "dpkg-reconfigure",
  },
  {
    kind: "password of an account",
    path: /^etc\/g?shadow$/,
    content: /^[^:\n]+:!?\$[^:\n]/m,
    action: "keep",
  },
  {
    kind: "password file",
    path: /(^|\/)\.?(htpasswd|htdigest)[^/]*$/,
    content: /:(\$|\{SHA\}|[0-9a-f]{32})/,
    action: "keep",
  },
  { kind: "cookie", path: /^var\/lib\/([^/]+\/)*\.?[^/]*cookie$/, action: "keep" },
  {
    kind: "private key",
    content: /^-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----\r?\n/m,
    action: "keep",
  },
  { kind: "OpenVPN key", content: /^-----BEGIN OpenVPN Static key V1-----\r?\n/m, action: "keep" },
  { kind: "PuTTY private key", content: /^PuTTY-User-Key-File-\d/, action: "keep" },
  {
    kind: "OpenPGP private key",
    path: /(^|\/)private-keys-v1\.d\/[^/]+\.key$|(^|\/)secring\.gpg$/,
    action: "keep",
  },
  {
    kind: "WireGuard key",
    path: /^etc\/wireguard\//,
    content: /^[A-Za-z0-9+/]{43}=[ \t]*$|^[ \t]*PrivateKey[ \t]*=/m,
    action: "keep",
  },
  { kind: "DNS key", content: /^[ \t]*secret[ \t]+"[A-Za-z0-9+/]{16,}={0,2}"[ \t]*;/m, action: "keep" },
  { kind: "DNSSEC private key", content: /^Private-key-format: v/m, action: "keep" },
];

/** The kind of secret that a file is, if any; `text` gives its bytes as Latin-1 when they are needed. */
export function secretKindOf(path: string, text: () => string): SecretKind | undefined {
  return secretKinds.find((kind) => {
    if (kind.path !== undefined && !kind.path.test(path)) return false;
    return kind.content === undefined || kind.content.test(text());
  });
}
