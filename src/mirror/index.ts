// SPDX-License-Identifier: Apache-2.0
/**
 * Packages in registries, file by file: published by who unpacked them, taken by who trusts the lock.
 *
 * - record: what a .deb unpacks to, by digests; its own digest is what a lock may say of the .deb
 * - claim: that a lock says so, for the way in which packages are unpacked now
 * - artifact: a package in a registry: its record as config, its files as one layer
 * - taken: a package that came by file; it counts only for locks that claim the same
 *
 *     await publishPackages([{ locked, record }], { store, place, parallel, progress });
 *     const { packages } = await fetchUnpacked(locked, { store, places, progress });
 */
export { claimOf, knownRecord, verifyClaims } from "./claim.ts";
export { fetchUnpacked, type PackagePlace, type UnpackedReport } from "./fetch-unpacked.ts";
export type { PackageHere } from "./package-artifact.ts";
export { publishPackages, type PublishReport } from "./publish-packages.ts";
