// SPDX-License-Identifier: Apache-2.0
/**
 * What a document means exactly: every package file of every image and platform, by digest.
 *
 * - asked: the part of the document that decides about packages
 * - source: an archive as it was, by its signed Release file
 * - phase, use, by: which step installs a package, whether it is installed or only read, who needs it
 *
 *     const lock = await resolveLock({ document, fetcher, store, mirrors, nowSeconds, previous });
 *     const text = encodeLock(lock);
 *     checkLock(document, parseLock(bytes, "ashlar.lock"), "ashlar.lock");
 */
export { checkLock } from "./check-lock.ts";
export { compareLocks, type ImageChanges, type LockChange, showLockChanges } from "./compare-locks.ts";
export { encodeLock } from "./encode-lock.ts";
export type {
  AskedImage,
  Lock,
  LockedImage,
  LockedPackage,
  LockedSource,
  LockedStep,
  Unpacked,
} from "./lock.ts";
export { parseLock } from "./parse-lock.ts";
export type { ForeignBase, ReadBase } from "./foreign-base.ts";
export { resolveLock, type ResolveRequest } from "./resolve-lock.ts";
export { packagesOf, withoutUnpacked, withUnpacked } from "./unpacked.ts";
export { verifyLock } from "./verify-lock.ts";
