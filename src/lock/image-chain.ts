// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal } from "../base/index.ts";
import { debianArchitecture } from "../debian/index.ts";
import {
  type Document,
  type ImageDocument,
  imagesOf,
  type SourceDocument,
  type SystemDocument,
} from "../spec/index.ts";
import { foreignArchitectures } from "./foreign-architectures.ts";

/** One image on one platform, with everything that the images below it bring. */
export interface LockTask {
  readonly image: string;
  readonly platform: string;
  readonly architecture: string;
  readonly foreign: readonly string[];
  /** The image it is based on, which must be locked before. */
  readonly parent: string | undefined;
  readonly base: SystemDocument["base"];
  /** Relations of the images below, then its own; each once. */
  readonly packages: readonly string[];
  /** None where the lowest image is from scratch. */
  readonly sources: readonly SourceDocument[];
}

/** What there is to lock, parents before children, else sorted. Throws `LOCK_IMAGE_*`, `LOCK_PLATFORM_*`. */
export function planLock(document: Document): readonly LockTask[] {
  const images = imagesOf(document);
  const keys = Object.keys(images).sort(compareOrdinal);
  const chains = keys.map((key) => ({ key, chain: chainOf(images, key) }));
  chains.sort((a, b) => a.chain.length - b.chain.length);
  return chains.flatMap(({ key, chain }) =>
    (chain.at(-1)?.platforms ?? []).map((platform) => taskOf(key, platform, chain)),
  );
}

/** The image and those below it, lowest first. */
function chainOf(images: Readonly<Record<string, ImageDocument>>, key: string): readonly ImageDocument[] {
  const chain: ImageDocument[] = [];
  const seen = new Set<string>();
  for (let at: string | undefined = key; at !== undefined;) {
    const image: ImageDocument | undefined = Object.hasOwn(images, at) ? images[at] : undefined;
    if (image === undefined)
      throw new AshlarError("LOCK_IMAGE_UNKNOWN", `Cannot lock image "${key}": no image "${at}" in the fleet`);
    if (seen.has(at)) throw new AshlarError("LOCK_IMAGE_CYCLE", `Cannot lock image "${key}": it is based on itself`);
    seen.add(at);
    chain.unshift(image);
    at = image.from.kind === "image" ? image.from.image : undefined;
  }
  return chain;
}

function taskOf(key: string, platform: string, chain: readonly ImageDocument[]): LockTask {
  const [root, own] = [chain[0] as ImageDocument, chain.at(-1) as ImageDocument];
  const lacking = chain.find(({ platforms }) => !platforms.includes(platform));
  if (lacking !== undefined) {
    const message = `Cannot lock image "${key}" for ${platform}: image "${lacking.name}" below it is not for it`;
    throw new AshlarError("LOCK_PLATFORM_MISSING", message);
  }
  const packages = [...new Set(chain.flatMap(({ system }) => system.packages))];
  const sources = root.from.kind === "debian" ? root.from.sources : [];
  if (sources.length === 0 && packages.length > 0) {
    const message = `Cannot lock image "${key}": it asks for packages but is from scratch, want from: debian:SUITE`;
    throw new AshlarError("LOCK_IMAGE_SOURCES", message);
  }
  const architecture = debianArchitecture(platform);
  const parent = own.from.kind === "image" ? own.from.image : undefined;
  const foreign = foreignArchitectures(packages, architecture);
  return { image: key, platform, architecture, foreign, parent, base: root.system.base, packages, sources };
}
