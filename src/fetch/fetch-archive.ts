// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestOf } from "../base/index.ts";
import { type PackageIndex, parsePackages, parseRelease, type Release } from "../debian/index.ts";
import { checkRelease, type ReleaseOverrides, type UsedOverride } from "./check-release.ts";
import { fetchIndex, planIndexes } from "./fetch-index.ts";
import { firstAccepted, keptRelease } from "./fetch-release.ts";
import type { Fetcher } from "./fetcher.ts";
import { type Keyring, type KeyringOptions, openKeyring } from "./keyring.ts";
import { type ArchiveSource, type MirrorSettings, resolveMirrors } from "./mirrors.ts";
import { memoryRef, recallRelease, type ReleaseStore, rememberRelease } from "./release-memory.ts";
import { type SignedFile, verifySignature } from "./verify-signature.ts";

export interface ArchiveOptions extends KeyringOptions {
  readonly store: ReleaseStore;
  readonly mirrors: MirrorSettings;
  /** The clock. */
  readonly nowSeconds: number;
  readonly overrides?: ReleaseOverrides | undefined;
  /** Refuses Release files older than this, for suites without Valid-Until. */
  readonly maxAgeSeconds?: number | undefined;
  /** The Release file of a lock: taken from the store or a mirror, and no other. */
  readonly pinned?: { readonly release: Digest; readonly signature?: Digest | undefined } | undefined;
}

/** An archive whose signature was verified, with the packages of some architectures. */
export interface Archive {
  readonly source: ArchiveSource;
  readonly release: Release;
  /** Of the InRelease or Release file, which is a content of the store. */
  readonly releaseDigest: Digest;
  /** Of Release.gpg, where there is no InRelease. */
  readonly signatureDigest: Digest | undefined;
  readonly dateSeconds: number;
  /** Fingerprints of the primary keys of the good signatures, sorted. */
  readonly signedBy: readonly string[];
  /** Rules that were set aside for it, sorted. */
  readonly overrides: readonly UsedOverride[];
  /** By architecture; one index a component. */
  readonly packages: ReadonlyMap<string, readonly PackageIndex[]>;
}

/**
 * Fetches and verifies one source: signature, then suite, dates and roll-back, then the package indexes by
 * hash. Index files stay in the download area, so that a second run fetches only the Release file. What was
 * accepted is remembered against roll-back.
 * Throws `FETCH_SIGNATURE_*`, `FETCH_RELEASE_*`, `FETCH_KEY_*`, `FETCH_INDEX_MISSING`, `FETCH_NO_MIRROR`,
 * and what `Fetcher` throws.
 */
export async function fetchArchive(
  fetcher: Fetcher,
  { source, architectures }: { readonly source: ArchiveSource; readonly architectures: readonly string[] },
  options: ArchiveOptions,
): Promise<Archive> {
  const keyring = await openKeyring(source.signedBy, options);
  const verified = await verifiedRelease(fetcher, { source, keyring }, options);
  const packages = await fetchPackageIndexes(fetcher, { source, architectures, release: verified.release }, options);
  return { source, ...verified, dateSeconds: verified.release.dateSeconds, packages };
}

type VerifiedRelease = Pick<Archive, "release" | "releaseDigest" | "signatureDigest" | "signedBy" | "overrides">;

interface Context {
  readonly source: ArchiveSource;
  readonly keyring: Keyring;
}

async function verifiedRelease(
  fetcher: Fetcher,
  context: Context,
  options: ArchiveOptions,
): Promise<VerifiedRelease> {
  const { pinned, store, mirrors, nowSeconds } = options;
  const kept = pinned === undefined ? undefined : keptRelease(store, pinned.release, pinned.signature);
  if (kept !== undefined) return acceptRelease(kept, context, options);
  const { source } = context;
  const accept = (file: SignedFile): Promise<VerifiedRelease> => acceptRelease(file, context, options);
  const asked = fetcher.offline ? [] : resolveMirrors(source, mirrors, nowSeconds);
  return firstAccepted(fetcher, { source, mirrors: asked, accept });
}

/** The steps from bytes of a stranger to a Release file that may be used. */
async function acceptRelease(file: SignedFile, context: Context, options: ArchiveOptions): Promise<VerifiedRelease> {
  const { source, keyring } = context;
  const { store, nowSeconds, pinned, maxAgeSeconds, overrides } = options;
  const digest = digestOf(file.bytes);
  if (pinned !== undefined && digest !== pinned.release) throw otherRelease(source, pinned.release, digest);
  const what = `the release file of source "${source.name}"`;
  const { text, signedBy } = await verifySignature(file, { keyring, nowSeconds, what });
  const release = parseRelease(text);
  const ref = memoryRef(source, keyring.id);
  const seen = recallRelease(store, ref);
  const isPinned = pinned !== undefined;
  const used = checkRelease(release, {
    source,
    digest,
    nowSeconds,
    seen,
    pinned: isPinned,
    maxAgeSeconds,
    overrides,
  });
  const kept = [store.put(file.bytes).digest];
  if (file.kind === "detached") kept.push(store.put(file.signature).digest);
  const { dateSeconds, codename, origin, label } = release;
  rememberRelease(store, ref, { seen, now: { release: digest, dateSeconds, codename, origin, label }, kept });
  const signatureDigest = kept[1];
  return { release, releaseDigest: digest, signatureDigest, signedBy, overrides: used };
}

function otherRelease(source: ArchiveSource, expected: Digest, actual: Digest): AshlarError {
  const what = `the release file of source "${source.name}" that the lock names`;
  const message = `Cannot find ${what}: the mirror has another one`;
  return new AshlarError("FETCH_RELEASE_GONE", message, {
    because: [`expected ${expected}`, `actual ${actual}`],
    hint: "ashlar update takes what the archive has now; ASHLAR_SNAPSHOT names a service that keeps old files",
  });
}

async function fetchPackageIndexes(
  fetcher: Fetcher,
  {
    source,
    architectures,
    release,
  }: {
    readonly source: ArchiveSource;
    readonly architectures: readonly string[];
    readonly release: Release;
  },
  options: ArchiveOptions,
): Promise<ReadonlyMap<string, readonly PackageIndex[]>> {
  const mirrors = fetcher.offline
    ? []
    : resolveMirrors(
        source,
        options.mirrors,
        options.pinned === undefined ? options.nowSeconds : release.dateSeconds,
      );
  const byArchitecture = new Map<string, readonly PackageIndex[]>();
  for (const architecture of architectures) {
    const plans = planIndexes(release, source, architecture);
    const files = await Promise.all(plans.map((plan) => fetchIndex(fetcher, plan, { source, release, mirrors })));
    byArchitecture.set(
      architecture,
      files.map((bytes) => parsePackages(bytes, { architecture, source: source.name })),
    );
  }
  return byArchitecture;
}
