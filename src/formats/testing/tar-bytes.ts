// SPDX-License-Identifier: Apache-2.0
/** Writes tars byte by byte, right and wrong ones, without the code under test. */

export interface RawHeader {
  readonly name?: string | Uint8Array;
  readonly mode?: string;
  readonly uid?: string | Uint8Array;
  readonly gid?: string | Uint8Array;
  readonly size?: number | string | Uint8Array;
  readonly mtime?: string | Uint8Array;
  readonly type?: string;
  readonly linkName?: string;
  readonly magic?: string;
  readonly major?: string;
  readonly minor?: string;
  readonly prefix?: string;
  /** Stands in for the right check sum. */
  readonly checksum?: string;
}

/** One header block. A number for `size` is written in octal; everything else as given. */
export function header(fields: RawHeader): Buffer {
  const block = Buffer.alloc(512);
  const put = (at: number, value: string | Uint8Array): void =>
    void (typeof value === "string" ? Buffer.from(value, "latin1") : Buffer.from(value)).copy(block, at);
  put(0, typeof fields.name === "string" ? Buffer.from(fields.name) : (fields.name ?? "file"));
  put(100, fields.mode ?? "0000644\0");
  put(108, fields.uid ?? "0000000\0");
  put(116, fields.gid ?? "0000000\0");
  const size = fields.size ?? 0;
  put(124, typeof size === "number" ? `${size.toString(8).padStart(11, "0")}\0` : size);
  put(136, fields.mtime ?? "00000000000\0");
  put(156, fields.type ?? "0");
  put(157, fields.linkName ?? "");
  put(257, fields.magic ?? "ustar\x0000");
  put(329, fields.major ?? "0000000\0");
  put(337, fields.minor ?? "0000000\0");
  put(345, fields.prefix ?? "");
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, fields.checksum ?? `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** A header, its data and the padding; the size is the data's unless `fields` says otherwise. */
export function member(fields: RawHeader, data: string | Uint8Array = ""): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([
    header({ size: bytes.length, ...fields }),
    bytes,
    Buffer.alloc((512 - (bytes.length % 512)) % 512),
  ]);
}

/** One pax record with its right length. */
export function paxRecord(key: string, value: string | Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
  let length = body.length;
  while (String(length).length + body.length > length) length++;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

export function pax(...records: readonly Buffer[]): Buffer {
  return member({ type: "x", name: "PaxHeaders/x" }, Buffer.concat(records));
}

export function archive(...members: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...members, Buffer.alloc(1024)]);
}

/** Eight bytes of a base-256 number. */
export function base256(value: bigint, length: number): Buffer {
  const out = Buffer.alloc(length);
  let rest = value < 0n ? value + (1n << BigInt(8 * length)) : value;
  for (let i = length - 1; i >= 0; i--) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (value >= 0n) out[0] = (out[0] as number) | 0x80;
  return out;
}
