// SPDX-License-Identifier: Apache-2.0
import { AshlarError, nameFromBytes } from "../base/index.ts";

/** One line of tar-split: raw bytes of the tar, or the place of an entry's payload. */
export type TarSplitItem =
  | { readonly kind: "raw"; readonly bytes: Uint8Array }
  | { readonly kind: "entry"; readonly name: string; readonly sizeBytes: number; readonly crc64?: string };

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Parses tar-split's NDJSON: everything of a tar that is not payload, in order (vbatts/tar-split,
 * tar/storage/entry.go). Lines stand in the order of their `position`, as all writers have them. Throws
 * `FORMATS_TAR_SPLIT` with the line's number.
 */
export function* parseTarSplit(bytes: Uint8Array): Generator<TarSplitItem, void, void> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let number = 0;
  for (let at = 0; at < text.length; number++) {
    const end = text.indexOf(0x0a, at);
    const line = text.toString("utf8", at, end < 0 ? text.length : end);
    at = end < 0 ? text.length : end + 1;
    yield itemOf(line, number);
  }
}

function itemOf(line: string, number: number): TarSplitItem {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw invalid(number, "it is not JSON");
  }
  if (typeof value !== "object" || value === null) throw invalid(number, "it is no object");
  if (value["position"] !== number) throw invalid(number, `its position is ${String(value["position"])}`);
  if (value["type"] === 2) return { kind: "raw", bytes: decoded(value["payload"], number) };
  if (value["type"] !== 1) throw invalid(number, `its type is ${String(value["type"])}, want 1 or 2`);
  const sizeBytes = value["size"] ?? 0;
  if (typeof sizeBytes !== "number" || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw invalid(number, "size");
  const name = nameOf(value, number);
  if (sizeBytes === 0) return { kind: "entry", name, sizeBytes };
  const crc = decoded(value["payload"], number);
  if (crc.length !== 8) throw invalid(number, "its checksum has not 8 bytes");
  return { kind: "entry", name, sizeBytes, crc64: crc.toString("hex") };
}

function nameOf(value: Record<string, unknown>, number: number): string {
  if (typeof value["name"] === "string" && value["name"] !== "") return value["name"];
  if (typeof value["name_raw"] === "string") return nameFromBytes(decoded(value["name_raw"], number));
  throw invalid(number, "it has no name");
}

function decoded(value: unknown, number: number): Buffer {
  if (typeof value !== "string" || !base64.test(value)) throw invalid(number, "its payload is not base64");
  return Buffer.from(value, "base64");
}

function invalid(number: number, fault: string): AshlarError {
  return new AshlarError("FORMATS_TAR_SPLIT", `Cannot read tar-split: line ${number + 1}: ${fault}`);
}
