// SPDX-License-Identifier: Apache-2.0
import { type PackageRecord, packageReaches } from "../assemble/index.ts";
import { AshlarError, isDigest, type Json } from "../base/index.ts";
import { encodeRecord, parseRecord } from "../store/index.ts";

/**
 * Parses the bytes of a package's record and proves that they are what unpacking would have written for its value,
 * keeping all that it names. Whether it is the record of the package at hand, its digest decides. Throws
 * `MIRROR_RECORD`, `STORE_RECORD_INVALID`.
 */
export function parsePackageRecord(bytes: Uint8Array): PackageRecord {
  const { value } = parseRecord(bytes);
  if (!isPackageRecord(value)) throw invalid("its fields are not those of a package");
  const canonical = encodeRecord(value as unknown as Json, packageReaches(value));
  if (Buffer.compare(canonical, bytes) !== 0) throw invalid("it is not as Ashlar writes it");
  return value;
}

function isPackageRecord(value: unknown): value is PackageRecord {
  if (!isObject(value, ["kind", "tree", "control", "list", "facts"]) || value["kind"] !== "package/v1") return false;
  const { tree, control, list, facts } = value;
  return (
    isDigestText(tree) &&
    isDigestText(list) &&
    isObject(control) &&
    Object.values(control).every(isDigestText) &&
    isObject(facts) &&
    Object.entries(facts).every(([content, fact]) => isDigest(content) && isFact(fact))
  );
}

function isFact(value: unknown): boolean {
  if (!isObject(value, ["elf", "shebang"])) return false;
  const { elf, shebang } = value;
  if (elf === undefined && shebang === undefined) return false;
  return (elf === undefined || isElf(elf)) && (shebang === undefined || isShebang(shebang));
}

function isElf(value: unknown): boolean {
  const keys = ["class", "machine", "type", "interpreter", "needed", "soname", "rpath", "runpath"];
  if (!isObject(value, keys)) return false;
  const { machine, type, interpreter, soname } = value;
  const lists = [value["needed"], value["rpath"], value["runpath"]];
  return (
    (value["class"] === 32 || value["class"] === 64) &&
    Number.isSafeInteger(machine) &&
    typeof type === "string" &&
    [interpreter, soname].every((text) => text === undefined || typeof text === "string") &&
    lists.every((list) => Array.isArray(list) && list.every((text) => typeof text === "string"))
  );
}

function isShebang(value: unknown): boolean {
  if (!isObject(value, ["interpreter", "argument"])) return false;
  const { interpreter, argument } = value;
  return typeof interpreter === "string" && (argument === undefined || typeof argument === "string");
}

function isDigestText(value: unknown): boolean {
  return typeof value === "string" && isDigest(value);
}

function isObject(value: unknown, keys?: readonly string[]): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return keys === undefined || Object.keys(value).every((key) => keys.includes(key));
}

function invalid(fault: string): AshlarError {
  return new AshlarError("MIRROR_RECORD", `Cannot read the record of a package: ${fault}`);
}
