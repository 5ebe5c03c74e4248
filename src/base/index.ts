// SPDX-License-Identifier: Apache-2.0
/**
 * Values every folder speaks in; no I/O.
 *
 * - digest: the name of some bytes, `sha256:` and hex
 * - image path: a path inside an image, relative, byte-exact
 * - `AshlarError`: the one error class, with a stable code, the place and the next command
 */
export { byText, compareOrdinal } from "./compare.ts";
export {
  type Digest,
  digestBytes,
  digestFromBytes,
  digestFromHex,
  digestOf,
  emptyDigest,
  Hasher,
  hexOf,
  isDigest,
  parseDigest,
} from "./digest.ts";
export { wordOf, wordOfHex } from "./digest-words.ts";
export {
  AshlarError,
  type ErrorParts,
  isAshlarError,
  isSystemError,
  type Place,

} from "./error.ts";
export { canonicalJson, type Json, parseJson } from "./json.ts";
export { limits } from "./limits.ts";
export {
  baseNameOf,
  comparePaths,
  type ImagePath,
  nameFromBytes,
  parentOf,
  parseEntryName,
  parsePath,
  pathToBytes,
  showPath,
} from "./path.ts";
export type { Progress, ProgressStep } from "./progress.ts";
