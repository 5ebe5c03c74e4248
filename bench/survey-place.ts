// SPDX-License-Identifier: Apache-2.0
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type AshlarError, type Digest, isAshlarError, type Progress } from "../src/base/index.ts";
import { findProject, loadSpec } from "../src/build/index.ts";
import { unpackPackages } from "../src/build/packages.ts";
import type { RecordedPackage } from "../src/build/stage.ts";
import { sourcesByName } from "../src/cli/sources-by-name.ts";
import { fetchPackages, type MirrorSettings, openFetcher } from "../src/fetch/index.ts";
import { loadCompressor } from "../src/formats/index.ts";
import { type Lock, type LockedPackage, resolveLock, type ResolveRequest } from "../src/lock/index.ts";
import type { Document } from "../src/spec/index.ts";
import { openStore, type Store } from "../src/store/index.ts";

export const platform = "linux/amd64";

/** A store, and a lock for many images that each have one package and the base. */
export interface SurveyPlace {
  readonly store: Store;
  readonly storeDir: string;
  readonly lock: Lock;
  /** What the solver says of packages that it has no answer for; by name. */
  readonly impossible: ReadonlyMap<string, AshlarError>;
  /** The version that was chosen; undefined where the base has the package already. */
  versionOf(name: string): string | undefined;
  /** Downloads and unpacks what is missing. */
  recorded(name: string, progress: Progress): Promise<readonly RecordedPackage[]>;
  close(): Promise<void>;
}

export interface SurveyOptions {
  readonly dir: string;
  readonly storeDir: string;
  readonly suite: string;
  readonly base: string;
}

/** Locks every package alone on the base. */
export async function openSurvey(names: readonly string[], options: SurveyOptions): Promise<SurveyPlace> {
  const store = openStore(options.storeDir, { compressor: await loadCompressor() });
  const fetcher = openFetcher({ area: store });
  const mirrors = mirrorSettings();
  const request = { fetcher, store, mirrors, nowSeconds: Date.now() / 1000 };
  const { document, lock, impossible } = await lockAll(names, options, request);
  const packagesOf = (name: string): readonly LockedPackage[] =>
    lock.images.find(({ image }) => image === keyOf(name))?.packages ?? [];
  const fetch = async (packages: readonly LockedPackage[]): Promise<void> => {
    const sources = sourcesByName(document);
    const dates = new Map(lock.sources.map((source) => [source.name, source.dateSeconds]));
    const requests = packages.map((item) => {
      const source = sources.get(item.from) as NonNullable<ReturnType<typeof sources.get>>;
      return { ...item, source, dateSeconds: dates.get(item.from) ?? 0 };
    });
    await fetchPackages(fetcher, requests, { area: store, mirrors });
  };
  return {
    store,
    storeDir: options.storeDir,
    lock,
    impossible,
    versionOf: (name) => packagesOf(name).find((item) => item.name === name && item.phase === "packages")?.version,
    async recorded(name, progress) {
      const locked = packagesOf(name);
      const records = await unpackPackages(locked, { ...options, store, workers: 1, progress, fetch });
      return locked.map((item) => ({ locked: item, record: records.get(item.digest) as Digest }));
    },
    async close() {
      await fetcher.close();
      store.close();
    },
  };
}

type Locked = Pick<SurveyPlace, "lock" | "impossible"> & { readonly document: Document };

/** Leaves out, one by one, what cannot be resolved. */
async function lockAll(
  names: readonly string[],
  options: SurveyOptions,
  request: Omit<ResolveRequest, "document" | "store"> & { readonly store: Store },
): Promise<Locked> {
  const impossible = new Map<string, AshlarError>();
  for (;;) {
    const left = names.filter((name) => !impossible.has(name));
    const document = await documentOf(left, options, request.store);
    try {
      return { document, impossible, lock: await resolveLock({ ...request, document }) };
    } catch (error) {
      const text = isAshlarError(error) ? error.because.join("\n") : "";
      const culprit = left.find((name) => text.includes(`"${keyOf(name)}"`));
      if (culprit === undefined) throw error;
      impossible.set(culprit, error as AshlarError);
    }
  }
}

function mirrorSettings(): MirrorSettings {
  const files = globSync("/etc/apt/{sources.list,sources.list.d/*}", { withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  const hostSources = files.map(({ name, parentPath }) => ({
    name,
    text: readFileSync(join(parentPath, name), "utf8"),
  }));
  return { mirror: process.env["ASHLAR_MIRROR"], hostSources };
}

async function documentOf(names: readonly string[], options: SurveyOptions, store: Store): Promise<Document> {
  const { dir, suite, base } = options;
  const images = names.map((name) => {
    const system = { base, install: "full", packages: [name] };
    return [keyOf(name), { from: `debian:${suite}`, platforms: [platform], system, expect: { closure: "warn" } }];
  });
  mkdirSync(dir, { recursive: true });
  const spec = join(dir, "ashlar.json");
  writeFileSync(spec, JSON.stringify({ ashlar: "fleet/v1", images: Object.fromEntries(images) as unknown }));
  return (await loadSpec(findProject(spec, spec), {}, store)).document;
}

/** Keys of a fleet are image names, which have no plus signs. */
function keyOf(name: string): string {
  return `survey-${name.replaceAll("+", "-plus")}`;
}
