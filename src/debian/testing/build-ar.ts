// SPDX-License-Identifier: Apache-2.0
export interface ArPart {
  /** At most 16 bytes. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Builds an ar archive as dpkg-deb does: no slash behind names, time 0, owner 0, mode 100644. */
export function buildAr(members: readonly ArPart[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from("!<arch>\n")];
  for (const { name, bytes } of members) {
    parts.push(arHeader(name, String(bytes.length)), bytes);
    if (bytes.length % 2 === 1) parts.push(Buffer.from("\n"));
  }
  return Buffer.concat(parts);
}

/** A member's header; `size` is text, so that tests can lie. */
export function arHeader(name: string, size: string): Uint8Array {
  const fields = [
    name.padEnd(16),
    "0".padEnd(12),
    "0".padEnd(6),
    "0".padEnd(6),
    "100644".padEnd(8),
    size.padEnd(10),
    "`\n",
  ];
  return Buffer.from(fields.join(""), "latin1");
}
