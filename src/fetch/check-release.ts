// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import type { Release } from "../debian/index.ts";
import type { ArchiveSource } from "./mirrors.ts";
import { clockSkewSeconds } from "./verify-signature.ts";

/** What was seen of a source before: the newest Release file that was accepted. */
export interface ReleaseMemory {
  readonly release: Digest;
  readonly dateSeconds: number;
  readonly codename: string;
  readonly origin: string;
  readonly label: string;
}

/** Rules that the user sets aside for one run; those that were needed are recorded in the lock. */
export interface ReleaseOverrides {
  /** A Release file past its Valid-Until, or past `maxAgeSeconds`. */
  readonly allowExpired?: boolean | undefined;
  /** One older than what was seen before. */
  readonly allowOlder?: boolean | undefined;
  /** One whose Codename, Origin or Label changed since. */
  readonly allowChanged?: boolean | undefined;
}

export type UsedOverride = "expired" | "older" | "changed";

export interface ReleaseCheck {
  readonly source: ArchiveSource;
  readonly digest: Digest;
  /** The clock. */
  readonly nowSeconds: number;
  readonly seen?: ReleaseMemory | undefined;
  /** The digest that a lock names: the file is what was accepted then, whatever its age. */
  readonly pinned?: boolean | undefined;
  readonly maxAgeSeconds?: number | undefined;
  readonly overrides?: ReleaseOverrides | undefined;
}

interface Finding {
  readonly code: string;
  readonly why: string;
  readonly hint?: string;
  readonly override?: UsedOverride;
}

/**
 * Decides whether a genuine Release file is the one that was asked for, now: suite, date, expiry,
 * roll-back, change of identity. Returns the overrides that were needed, sorted.
 * Throws `FETCH_RELEASE_SUITE`, `_FUTURE`, `_EXPIRED`, `_OLDER`, `_CHANGED`.
 */
export function checkRelease(release: Release, check: ReleaseCheck): readonly UsedOverride[] {
  const findings = [suite, future, expired, older, changed].flatMap((rule) => rule(release, check) ?? []);
  const used: UsedOverride[] = [];
  for (const { code, why, hint, override } of findings) {
    if (override === undefined || !isAllowed(override, check.overrides))
      throw refuse(check.source, { code, why, hint });
    used.push(override);
  }
  return used.sort();
}

function isAllowed(override: UsedOverride, overrides: ReleaseOverrides = {}): boolean {
  const { allowExpired, allowOlder, allowChanged } = overrides;
  return { expired: allowExpired, older: allowOlder, changed: allowChanged }[override] === true;
}

function refuse(
  source: ArchiveSource,
  { code, why, hint }: { readonly code: string; readonly why: string; readonly hint: string | undefined },
): AshlarError {
  return new AshlarError(code, `Cannot use the release file of source "${source.name}": ${why}`, { hint });
}

/** A mirror that answers one suite with another's files would mix archives that share their keys. */
function suite(release: Release, { source }: ReleaseCheck): Finding | undefined {
  if (release.suite === source.suite || release.codename === source.suite) return undefined;
  const why = `it is of suite "${release.suite}" (${release.codename}), want "${source.suite}"`;
  return { code: "FETCH_RELEASE_SUITE", why };
}

function future({ dateSeconds }: Release, { nowSeconds }: ReleaseCheck): Finding | undefined {
  if (dateSeconds <= nowSeconds + clockSkewSeconds) return undefined;
  const why = `its Date ${showDate(dateSeconds)} is in the future, our clock says ${showDate(nowSeconds)}`;
  return { code: "FETCH_RELEASE_FUTURE", why, hint: "set the clock of this machine" };
}

function expired(release: Release, check: ReleaseCheck): Finding | undefined {
  if (check.pinned === true) return undefined;
  const { nowSeconds, maxAgeSeconds } = check;
  const ends = [
    release.validUntilSeconds,
    maxAgeSeconds === undefined ? undefined : release.dateSeconds + maxAgeSeconds,
  ];
  const end = ends.filter((seconds) => seconds !== undefined).sort((a, b) => a - b)[0];
  if (end === undefined || nowSeconds <= end) return undefined;
  const why = `it was valid until ${showDate(end)}, now is ${showDate(nowSeconds)}`;
  const hint = "the mirror has stood still: take another one, or accept old packages with --allow-expired";
  return { code: "FETCH_RELEASE_EXPIRED", why, hint, override: "expired" };
}

function older({ dateSeconds }: Release, { seen, pinned, digest }: ReleaseCheck): Finding | undefined {
  if (seen === undefined || pinned === true || dateSeconds >= seen.dateSeconds || seen.release === digest)
    return undefined;
  const why = `its Date ${showDate(dateSeconds)} is before that of ${showDate(seen.dateSeconds)} seen earlier`;
  const hint = "the mirror lags or was rolled back: take another one, or accept it with --allow-older";
  return { code: "FETCH_RELEASE_OLDER", why, hint, override: "older" };
}

function changed(release: Release, { seen, pinned }: ReleaseCheck): Finding | undefined {
  if (seen === undefined || pinned === true) return undefined;
  const fields = (["codename", "origin", "label"] as const).filter((name) => release[name] !== seen[name]);
  if (fields.length === 0) return undefined;
  const changes = fields.map((name) => `${name} changed from "${seen[name]}" to "${release[name]}"`);
  const hint = "name the release by its codename, or accept the change with --allow-release-change";
  return { code: "FETCH_RELEASE_CHANGED", why: changes.join(", "), hint, override: "changed" };
}

function showDate(seconds: number): string {
  return Number.isFinite(seconds) && Math.abs(seconds) < 8e12
    ? new Date(seconds * 1000).toISOString()
    : String(seconds);
}
