// SPDX-License-Identifier: Apache-2.0
import { gunzipSync, gzipSync } from "node:zlib";

import { digestOf } from "../../base/index.ts";
import { tarEnd } from "../../formats/index.ts";
import { member } from "../../formats/testing/tar-bytes.ts";
import type { EstargzBlob } from "./estargz-image.ts";

const footerBytes = 51;

/** The text of a blob's table of contents. */
export function tocOf(blob: EstargzBlob): string {
  const raw = gunzipSync(tocMemberOf(blob));
  const size = Number.parseInt(raw.toString("latin1", 124, 135), 8);
  return raw.toString("utf8", 512, 512 + size);
}

/** The gzip member of a blob's table of contents. */
export function tocMemberOf({ bytes }: EstargzBlob): Uint8Array {
  return bytes.subarray(tocOffset(bytes), -footerBytes);
}

function tocOffset(bytes: Uint8Array): number {
  return Number.parseInt(Buffer.from(bytes.subarray(-35, -19)).toString("latin1"), 16);
}

/** A blob with the same data and another table of contents, of which everything else tells the truth. */
export function withToc(blob: EstargzBlob, change: (toc: string) => string): EstargzBlob {
  const toc = Buffer.from(change(tocOf(blob)));
  const data = Buffer.from(blob.bytes).subarray(0, tocOffset(blob.bytes));
  const tar = Buffer.concat([member({ name: "stargz.index.json", mode: "0000000\0" }, toc), tarEnd]);
  const bytes = Buffer.concat([data, gzipSync(tar), Buffer.from(blob.bytes).subarray(-footerBytes)]);
  const raw = gunzipSync(bytes);
  return { bytes, diffId: digestOf(raw), tocDigest: digestOf(toc), tarBytes: raw.length };
}
