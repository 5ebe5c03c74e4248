// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Lock, LockedPackage, Unpacked } from "./lock.ts";

/** Every package file of a lock once, whoever holds it. */
export function packagesOf(lock: Lock): readonly LockedPackage[] {
  const all = [...lock.images, ...lock.steps].flatMap(({ packages }) => packages);
  return [...new Map(all.map((item) => [item.digest, item])).values()];
}

/** The same lock with what its package files unpack to, by digest; what is not given stays as it is. */
export function withUnpacked(lock: Lock, unpacked: ReadonlyMap<Digest, Unpacked>): Lock {
  const told = <T extends { readonly packages: readonly LockedPackage[] }>(holder: T): T => {
    const packages = holder.packages.map((item) => {
      const record = unpacked.get(item.digest);
      return record === undefined ? item : { ...item, unpacked: record };
    });
    return { ...holder, packages };
  };
  return { ...lock, images: lock.images.map(told), steps: lock.steps.map(told) };
}

/** Package files that stay keep what an earlier lock says of them: the bytes are the same. */
export function keepUnpacked(lock: Lock, previous: Lock | undefined): Lock {
  if (previous === undefined) return lock;
  const said = packagesOf(previous).flatMap(({ digest, unpacked }) => (unpacked ? [[digest, unpacked] as const] : []));
  return said.length === 0 ? lock : withUnpacked(lock, new Map(said));
}

/** What a package is, without what somebody says of its bytes. */
export function withoutUnpacked({ unpacked: _said, ...locked }: LockedPackage): LockedPackage {
  return locked;
}
