// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

/** The documented exit codes. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  lock: 3,
  verification: 4,
  policy: 5,
  network: 6,
  notReproducible: 7,
  interrupted: 130,
  /** 128 and the number of SIGPIPE. */
  outputClosed: 141,
} as const;

/** The first matching prefix of an error's code decides. */
const byPrefix: readonly (readonly [string, number])[] = [
  ["USAGE_", exitCodes.usage],
  ["SPEC_", exitCodes.usage],
  ["LOCK_MISSING", exitCodes.lock],
  ["LOCK_STALE", exitCodes.lock],
  ["FETCH_SIGNATURE", exitCodes.verification],
  ["FETCH_RELEASE", exitCodes.verification],
  ["FETCH_KEY", exitCodes.verification],
  ["FETCH_INDEX", exitCodes.failed],
  ["OCI_BLOB_DIGEST", exitCodes.verification],
  ["OCI_BLOB_SIZE", exitCodes.verification],
  ["OCI_DIFF_ID", exitCodes.verification],
  ["OCI_PLATFORM_MISSING", exitCodes.failed],
  ["OCI_PLATFORM", exitCodes.usage],
  ["OCI_REFERENCE", exitCodes.usage],
  ["FETCH_DIGEST", exitCodes.verification],
  ["STORE_CONTENT_DAMAGED", exitCodes.verification],
  ["VERIFY_", exitCodes.verification],
  ["POLICY_", exitCodes.policy],
  ["FETCH_", exitCodes.network],
  ["REGISTRY_ANSWER", exitCodes.network],
  ["REGISTRY_AUTH", exitCodes.network],
  ["REGISTRY_BUSY", exitCodes.network],
  ["REGISTRY_DENIED", exitCodes.network],
  ["REGISTRY_FAILED", exitCodes.network],
  ["REGISTRY_REDIRECT", exitCodes.network],
  ["REGISTRY_UNREACHABLE", exitCodes.network],
  ["REGISTRY_UPLOAD", exitCodes.network],
  ["CHECK_", exitCodes.notReproducible],
  ["INTERRUPTED", exitCodes.interrupted],
  ["SANDBOX_INTERRUPTED", exitCodes.interrupted],
  ["SANDBOX_MOUNT", exitCodes.usage],
];

/** The exit code for something thrown. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof AshlarError)) return exitCodes.failed;
  return byPrefix.find(([prefix]) => error.code.startsWith(prefix))?.[1] ?? exitCodes.failed;
}
