// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal } from "../base/index.ts";
import { debianArchitecture } from "../debian/index.ts";
import {
  type Document,
  type ImageDocument,
  imagesOf,
  type OciFromDocument,
  type SourceDocument,
  type SystemDocument,
} from "../spec/index.ts";
import { foreignArchitectures } from "./foreign-architectures.ts";
import { stepTools } from "./step-tools.ts";

/** A set of packages to choose. */
export interface SolveTask {
  readonly architecture: string;
  readonly foreign: readonly string[];
  readonly base: SystemDocument["base"];
  readonly packages: readonly string[];
  /** None where the lowest image is from scratch, or foreign and without a suite. */
  readonly sources: readonly SourceDocument[];
}

/** One image on one platform, with what the images below bring; `packages` are their relations, then its own. */
export interface LockTask extends SolveTask {
  readonly image: string;
  readonly platform: string;
  /** The image it is based on, which must be locked before. */
  readonly parent: string | undefined;
  readonly install: SystemDocument["install"];
  /** Whether it is made of Debian's packages without a base. */
  readonly isDistroless: boolean;
  /** The foreign image at the bottom. */
  readonly foreignBase: OciFromDocument | undefined;
}

/** One step of an image on one platform. */
export interface StepTask extends SolveTask {
  readonly image: string;
  readonly step: string;
  readonly platform: string;
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

/** The steps of the images that `tasks` are of; they take their tools from the sources of their image. */
export function planSteps(document: Document, tasks: readonly LockTask[]): readonly StepTask[] {
  const images = imagesOf(document);
  return tasks.flatMap(({ image, platform, architecture, sources }) =>
    Object.entries((images[image] as ImageDocument).steps).map(([step, described]): StepTask => {
      if (sources.length === 0) throw withoutSources(image, `its step "${step}" asks for tools`);
      const packages = stepTools(described);
      const foreign = foreignArchitectures(packages, architecture);
      return { image, step, platform, architecture, foreign, base: "essential", packages, sources };
    }),
  );
}

function withoutSources(image: string, what: string): AshlarError {
  const message = `Cannot lock image "${image}": ${what} but is from scratch, want from: debian:SUITE`;
  return new AshlarError("LOCK_IMAGE_SOURCES", message);
}

/** The image and those below it, lowest first. */
function chainOf(images: Readonly<Record<string, ImageDocument>>, key: string): readonly ImageDocument[] {
  const chain: ImageDocument[] = [];
  const seen = new Set<string>();
  for (let at: string | undefined = key; at !== undefined;) {
    const image: ImageDocument | undefined = Object.hasOwn(images, at) ? images[at] : undefined;
    if (image === undefined)
      throw new AshlarError(
        "LOCK_IMAGE_UNKNOWN",
        `Cannot lock image "${key}": no image "${at}" in the fleet`,
      );
    if (seen.has(at))
      throw new AshlarError("LOCK_IMAGE_CYCLE", `Cannot lock image "${key}": it is based on itself`);
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
  const { from, system } = root;
  const packages = [...new Set(chain.flatMap((image) => image.system.packages))];
  const sources = "sources" in from ? from.sources : [];
  if (sources.length === 0 && packages.length > 0) throw withoutSources(key, "it asks for packages");
  const architecture = debianArchitecture(platform);
  return {
    image: key,
    platform,
    architecture,
    foreign: foreignArchitectures(packages, architecture),
    parent: own.from.kind === "image" ? own.from.image : undefined,
    base: system.base,
    install: own.system.install,
    isDistroless: from.kind === "debian" && system.base === "none",
    foreignBase: from.kind === "oci" ? from : undefined,
    packages,
    sources,
  };
}
