// SPDX-License-Identifier: Apache-2.0
import { type AshlarError, type Digest, isAshlarError, type Progress } from "../base/index.ts";
import { inTurn, makeLimiter } from "../fetch/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import type { ImageSource } from "../oci/index.ts";
import type { Store } from "../store/index.ts";
import { claimOf, knownRecord } from "./claim.ts";
import { countedSource } from "./counted-source.ts";
import { takePackage } from "./take-package.ts";

/** Where somebody publishes packages. */
export interface PackagePlace {
  /** For messages, e.g. `registry.example/team/packages`. */
  readonly name: string;
  readonly source: ImageSource;
}

export interface UnpackedOptions {
  readonly store: Store;
  /** Asked in this order. */
  readonly places: readonly PackagePlace[];
  /** Takes packages too of which more is missing than their .debs are large: the archive has them no more. */
  readonly anySize?: boolean | undefined;
  /** Trees that layers of the store's images are made of; see `WantedTables`. */
  readonly partsHere: () => Iterable<Digest>;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  /** What is said at the end. */
  readonly summary: (report: UnpackedReport) => string;
}

/** What came by file. */
export interface UnpackedReport {
  /** Packages that came, of those asked for; the bytes fetched for all; those of the .debs that are spared. */
  readonly packages: number;
  readonly asked: number;
  readonly fetchedBytes: number;
  readonly debBytes: number;
}

/** Packages at a time, and requests at a time for the files of each. */
const packagesAtOnce = 6;
const requestsAtOnce = 3;

/**
 * Takes packages by file from where they are published, as far as the lock says what they unpack to. A package that
 * no place has, or of which more is missing than its .deb is large, is left to the archive without a word; where
 * something is wrong, with a warning. Throws only what concerns the store, and `INTERRUPTED`.
 */
export async function fetchUnpacked(
  packages: readonly LockedPackage[],
  options: UnpackedOptions,
): Promise<UnpackedReport> {
  const { store, places, progress } = options;
  const wanted = packages.filter((item) => claimOf(item) !== undefined && knownRecord(store, item) === undefined);
  const distinct = [...new Map(wanted.map((item) => [item.digest, item])).values()];
  if (places.length === 0 || distinct.length === 0) return { packages: 0, asked: 0, fetchedBytes: 0, debBytes: 0 };
  const asking = new Asking(options, progress.start("fetch packages by file", undefined, "bytes"));
  const limiter = makeLimiter(packagesAtOnce);
  const ended = await Promise.allSettled(distinct.map((item) => asking.takeInTurn(item, limiter)));
  const failed = ended.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return asking.report();
}

class Asking {
  readonly #options: UnpackedOptions;
  readonly #shown: ReturnType<Progress["start"]>;
  /** Those that gave no answer: the others need not wait for them too. */
  readonly #silent = new Set<PackagePlace>();
  readonly #taken: LockedPackage[] = [];
  #asked = 0;
  #fetchedBytes = 0;

  constructor(options: UnpackedOptions, shown: ReturnType<Progress["start"]>) {
    this.#options = options;
    this.#shown = shown;
  }

  /** Takes one package, unless another process does or did meanwhile. */
  async takeInTurn(locked: LockedPackage, slot: ReturnType<typeof makeLimiter>): Promise<void> {
    const { store, progress, signal } = this.#options;
    const { name, version, digest } = locked;
    const turn = { name: `package ${name} ${version}`, onWait: (text: string) => progress.note(text), signal, slot };
    const isKnown = (): boolean => knownRecord(store, locked) !== undefined;
    await inTurn(store, digest, { ...turn, work: async () => (isKnown() ? undefined : this.#take(locked)) });
  }

  /** From the first place that has it. */
  async #take(locked: LockedPackage): Promise<void> {
    this.#asked++;
    for (const place of this.#options.places) {
      if (this.#silent.has(place)) continue;
      const result = await this.#takeFrom(place, locked);
      if (result === "taken") this.#taken.push(locked);
      if (result === "taken" || result === "larger") return;
    }
  }

  async #takeFrom(place: PackagePlace, locked: LockedPackage): ReturnType<typeof takePackage> {
    const { store, partsHere, anySize = false } = this.#options;
    const source = countedSource(place.source, (bytes) => {
      this.#fetchedBytes += bytes;
      this.#shown.advance(bytes);
    });
    const counted = { advance: () => {}, done: () => {} };
    try {
      const claim = claimOf(locked) as Digest;
      const options = { store, source, partsHere, anySize, parallel: requestsAtOnce, shown: counted };
      return await takePackage(locked, claim, options);
    } catch (error) {
      if (!isAshlarError(error)) throw error;
      this.#warn(place, locked, error);
      return "absent";
    }
  }

  #warn(place: PackagePlace, { name, version }: LockedPackage, error: AshlarError): void {
    const { progress } = this.#options;
    if (isOfPlace(error)) {
      if (!this.#silent.has(place)) progress.warn(`packages of "${place.name}" are left out: ${error.message}`);
      this.#silent.add(place);
    } else if (isOfPackage(error)) {
      progress.warn(`package ${name} ${version} of "${place.name}" is not used: ${error.message}`);
    } else throw error;
  }

  report(): UnpackedReport {
    const debBytes = this.#taken.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const report = { packages: this.#taken.length, asked: this.#asked, fetchedBytes: this.#fetchedBytes, debBytes };
    this.#shown.done(this.#options.summary(report));
    return report;
  }
}

/** Another request would fare no better. */
function isOfPlace({ code }: AshlarError): boolean {
  return code.startsWith("REGISTRY_") || code === "OCI_RANGE_UNSUPPORTED";
}

/** What is wrong with what a place gave for one package. */
function isOfPackage({ code }: AshlarError): boolean {
  const codes = /^(?:MIRROR|PULL|LAYER|FORMATS|OCI|PATH|TREE|DIGEST|JSON)_|^STORE_FRAME_INVALID$/;
  return codes.test(code);
}
