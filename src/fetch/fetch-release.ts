// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestOf, isAshlarError, limits } from "../base/index.ts";
import { safePath } from "./address.ts";
import { type Fetcher, offlineError } from "./fetcher.ts";
import type { ArchiveSource, Mirror } from "./mirrors.ts";
import type { ReleaseStore } from "./release-memory.ts";
import type { SignedFile } from "./verify-signature.ts";

/** Fetches the Release file of a suite from one mirror: InRelease, else Release with Release.gpg. */
async function fetchRelease(
  fetcher: Fetcher,
  source: ArchiveSource,
  mirror: Mirror,
): Promise<SignedFile | undefined> {
  const dir = `dists/${safePath(source.suite)}`;
  const get = (file: string): Promise<Uint8Array | undefined> =>
    fetcher.text({ name: `${source.name} ${file}`, path: `${dir}/${file}`, mirror, maxBytes: limits.textBytesMax });
  const inline = await get("InRelease");
  if (inline !== undefined) return { kind: "inline", bytes: inline };
  const bytes = await get("Release");
  if (bytes === undefined) return undefined;
  const signature = await get("Release.gpg");
  if (signature === undefined) {
    const message = `Cannot trust the release file of source "${source.name}": it has no signature, want Release.gpg`;
    throw new AshlarError("FETCH_SIGNATURE_MISSING", message);
  }
  return { kind: "detached", bytes, signature };
}

/**
 * Asks one mirror after the other until `accept` takes a Release file. A bad signature by a known key ends
 * it at once; other faults let the next mirror try, and the gravest is thrown when none is left.
 */
export async function firstAccepted<T>(
  fetcher: Fetcher,
  {
    source,
    mirrors,
    accept,
  }: {
    readonly source: ArchiveSource;
    readonly mirrors: readonly Mirror[];
    readonly accept: (file: SignedFile) => Promise<T>;
  },
): Promise<T> {
  if (fetcher.offline) throw offlineError(`the release file of source "${source.name}"`);
  const faults: { readonly mirror: Mirror; readonly error: AshlarError }[] = [];
  for (const mirror of mirrors) {
    try {
      const file = await fetchRelease(fetcher, source, mirror);
      if (file !== undefined) return await accept(file);
      faults.push({ mirror, error: notFound(source) });
    } catch (error) {
      if (!isAshlarError(error) || isFatal(error)) throw error;
      faults.push({ mirror, error });
    }
  }
  throw gravest(source, faults);
}

function isFatal(error: AshlarError): boolean {
  return (
    ["FETCH_SIGNATURE_BAD", "INTERRUPTED", "FETCH_OFFLINE"].includes(error.code) || !error.code.startsWith("FETCH_")
  );
}

function notFound(source: ArchiveSource): AshlarError {
  const message = `Cannot find suite "${source.suite}" of source "${source.name}": no InRelease and no Release there`;
  return new AshlarError("FETCH_NOT_FOUND", message, { hint: "check the suite's name and the mirror's address" });
}

/** A file that came but is not trusted says more than a mirror that did not answer. */
function gravest(
  source: ArchiveSource,
  faults: readonly { readonly mirror: Mirror; readonly error: AshlarError }[],
): AshlarError {
  const first =
    faults.find(({ error }) => /^FETCH_(SIGNATURE|RELEASE|KEY)_/.test(error.code)) ??
    faults.find(({ error }) => error.code !== "FETCH_FAILED") ??
    faults[0];
  if (first === undefined) throw new Error("internal error: no mirror was given");
  const others = faults.map(({ mirror, error }) => `${shown(mirror)}: ${error.message}`);
  const { code, message, hint, details, cause } = first.error;
  const because = [...first.error.because, ...(faults.length > 1 ? others : [`mirror ${shown(first.mirror)}`])];
  return new AshlarError(code, message, { hint, because, details: { ...details, source: source.name }, cause });
}

function shown({ base, origin }: Mirror): string {
  const url = new URL(base);
  if (url.username !== "") url.username = "***";
  url.password = "";
  return `${url.href} (${origin})`;
}

/** The Release file of a lock, where the store still has it and its signature. */
export function keptRelease(store: ReleaseStore, digest: Digest, signature?: Digest): SignedFile | undefined {
  if (!store.has(digest)) return undefined;
  const bytes = store.read(digest);
  if (digestOf(bytes) !== digest) return undefined;
  if (signature === undefined) return { kind: "inline", bytes };
  return store.has(signature) ? { kind: "detached", bytes, signature: store.read(signature) } : undefined;
}
