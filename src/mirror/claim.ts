// SPDX-License-Identifier: Apache-2.0
import { unpackAction } from "../assemble/index.ts";
import { AshlarError, type Digest } from "../base/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import type { Action, Store } from "../store/index.ts";

/** The record that a lock says a package unpacks to; undefined where it says nothing of how we unpack now. */
export function claimOf({ digest, unpacked }: LockedPackage): Digest | undefined {
  return unpacked?.version === unpackAction(digest).version ? unpacked.record : undefined;
}

/**
 * The name of the step "take this record for that .deb, as a lock says". It is another one than unpacking: what one
 * lock says must not count for another one that does not say it, in the same store.
 */
export function takeAction(deb: Digest, record: Digest): Action {
  return { operation: "deb.take", version: 1, inputs: [deb, record] };
}

/**
 * The record of a package as the store remembers it: unpacked here, else taken as this lock says. Throws
 * `VERIFY_UNPACKED` where it was unpacked here to another one than the lock says.
 */
export function knownRecord(store: Store, locked: LockedPackage): Digest | undefined {
  const own = store.getAction(unpackAction(locked.digest))?.value as Digest | undefined;
  if (own !== undefined) verifyClaims([locked], () => own);
  const claim = claimOf(locked);
  if (own !== undefined || claim === undefined) return own;
  return store.getAction(takeAction(locked.digest, claim))?.value as Digest | undefined;
}

/** Holds what a lock says of packages against what they unpacked to. Throws `VERIFY_UNPACKED` with all faults. */
export function verifyClaims(
  packages: readonly LockedPackage[],
  recordOf: (locked: LockedPackage) => Digest,
): void {
  const wrong = packages.filter((locked) => (claimOf(locked) ?? recordOf(locked)) !== recordOf(locked));
  const because = wrong.map((locked) => {
    const { name, version, architecture } = locked;
    const what = `${name} ${version} (${architecture})`;
    return `${what}: the lock says ${claimOf(locked)}, the package gives ${recordOf(locked)}`;
  });
  if (because.length === 0) return;
  const names = [...new Set(wrong.map(({ name }) => `"${name}"`))].slice(0, 5).join(", ");
  const message = `Cannot use lock: it is wrong about what ${wrong.length} packages unpack to: ${names}`;
  throw new AshlarError("VERIFY_UNPACKED", message, {
    because,
    hint: "find out who wrote `unpacked` into the lock; `ashlar mirror` writes it anew from the packages",
  });
}
