// SPDX-License-Identifier: Apache-2.0
import { encodeForeignHeader, type ForeignForm, tarPadding } from "../formats/index.ts";
import { type EstargzEntry, estargzLandmarks } from "../layer/index.ts";
import type { BlobRange } from "../oci/index.ts";

/** What lies in an eStargz layer's tar between two payloads, or in front of the first, or behind the last. */
export interface Gap {
  /** The gzip member that ends with it. */
  readonly member: BlobRange;
  /** Bytes of payload that the member begins with. */
  readonly payloadBytes: number;
  /** Of the file in front, which is padded. */
  readonly fileBytes: number;
  /** Whose headers stand in it: the last one is of the file behind, but for the last gap. */
  readonly entries: readonly EstargzEntry[];
}

/** The gaps of a layer whose table of contents begins at `dataBytes`: one more than there are files with payload. */
export function planGaps(entries: readonly EstargzEntry[], dataBytes: number): readonly Gap[] {
  const gaps: Gap[] = [];
  let before: EstargzEntry | undefined;
  let headers: EstargzEntry[] = [];
  const end = (offset: number): void => {
    gaps.push({ ...memberOf(before, offset), fileBytes: before?.sizeBytes ?? 0, entries: headers });
    headers = [];
  };
  for (const entry of entries) {
    headers.push(entry);
    const [first] = entry.frames;
    if (first === undefined) continue;
    end(first.offset);
    before = entry;
  }
  end(dataBytes);
  return gaps;
}

/** The member that holds what follows a file's payload; in front of the first file there is one without payload. */
function memberOf(file: EstargzEntry | undefined, end: number): Pick<Gap, "member" | "payloadBytes"> {
  const last = file?.frames.at(-1);
  if (last === undefined) return { member: { offset: 0, sizeBytes: end }, payloadBytes: 0 };
  return { member: { offset: last.offset, sizeBytes: last.storedBytes }, payloadBytes: last.rawBytes };
}

/** Makes the bytes of a gap anew, as the writers of eStargz do. Throws `FORMATS_TAR_REMAKE`. */
export function encodeGap({ fileBytes, entries }: Gap, form: ForeignForm): Buffer {
  const headers = entries.map((entry) => {
    return encodeForeignHeader(entry, estargzLandmarks.has(entry.name) ? "go-posix" : form);
  });
  return Buffer.concat([tarPadding(fileBytes), ...headers]);
}
