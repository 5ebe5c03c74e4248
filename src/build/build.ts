// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal, type Digest, type Progress } from "../base/index.ts";
import type { SourceFileRequest } from "../fetch/index.ts";
import { makeIndex } from "../image/index.ts";
import type { LayerForm, LayerSpool } from "../layer/index.ts";
import { type Lock, type LockedPackage, withoutUnpacked } from "../lock/index.ts";
import { type Image, parseManifest, parsePlatform } from "../oci/index.ts";
import type { Sandbox, SandboxCircumstances } from "../sandbox/index.ts";
import { type Document, type ImageDocument, imagesOf } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { readForeignRecord } from "../pull/index.ts";
import { buildImage } from "./build-image.ts";
import type { MakeSteps, StepsOf } from "./build-steps.ts";
import { openBase } from "./foreign-base.ts";
import { type FetchUnpacked, unpackPackages } from "./packages.ts";
import { type DirectoryOrder, openProject } from "./project-reader.ts";
import { nameImage, type NamedRecord, putNamedRecord, readImageRecord } from "./record.ts";
import type { RecordedPackage } from "./stage.ts";
import type { SecretValues } from "./steps/find-secrets.ts";

export interface BuildRequest {
  readonly store: Store;
  readonly storeDir: string;
  /** The directory that the document's files lie in. */
  readonly projectDir: string;
  readonly document: Document;
  readonly lock: Lock;
  /** Makes .debs lie at `store.downloadPath(digest)`. */
  readonly fetch: (packages: readonly LockedPackage[]) => Promise<void>;
  /** Takes packages by file where they are published; see `PackageStep`. */
  readonly fetchUnpacked?: FetchUnpacked | undefined;
  readonly form: LayerForm;
  /** Keys of a fleet's images; absent: all. What they stand on is built too. */
  readonly images?: readonly string[] | undefined;
  /** Absent: all of each image. */
  readonly platforms?: readonly string[] | undefined;
  /** What leaves its name where it points to: an image of which only some platforms are built, or every image. */
  readonly keepsNames?: "of parts" | "all" | undefined;
  readonly epochSeconds?: number | undefined;
  readonly workers: number;
  readonly directoryOrder: DirectoryOrder;
  readonly progress: Progress;
  /** Opened when scripts or steps must run. */
  readonly sandbox: () => Promise<Sandbox>;
  /** What a check varies around them. */
  readonly circumstances?: SandboxCircumstances | undefined;
  /** Makes the sources of steps lie at `store.downloadPath(digest)`. */
  readonly fetchSources: (sources: readonly SourceFileRequest[]) => Promise<void>;
  /** Of steps, by name; read only when a step must run. */
  readonly secrets: SecretValues;
  /** What brings an image again; the key is given where the document has several. See `Ref.origin`. */
  readonly origin?: ((key: string | undefined) => readonly string[]) | undefined;
  /** Keeps the layers that are composed, for outputs. */
  readonly spool?: LayerSpool | undefined;
}

/** An image that was built, under its full name. */
export interface BuiltImage {
  readonly name: string;
  /** Of the manifest, or of the index of several platforms. */
  readonly digest: Digest;
  readonly record: NamedRecord;
}

/**
 * Builds the images of a document from their lock: unpack what was not unpacked before, then image by image,
 * parents first. Each gets its refs, durable when this returns. Errors: those of the stations.
 */
export async function build(request: BuildRequest): Promise<readonly BuiltImage[]> {
  const { store } = request;
  const lease = store.lease();
  try {
    const order = inOrder(request.document, request.images);
    const recorded = await recordPackages(request, order);
    const steps = await stepsOf(request, order);
    const done = new Map<string, Digest>();
    const built: BuiltImage[] = [];
    for (const key of order) built.push(await buildNamed(request, key, { done, recorded, steps }));
    return built;
  } finally {
    lease.release();
  }
}

/** Loaded where there are steps, or secrets that one could name. */
async function stepsOf(request: BuildRequest, order: readonly string[]): Promise<MakeSteps> {
  const images = Object.values(imagesOf(request.document));
  const isPlain = request.secrets.size === 0 && images.every(({ steps }) => Object.keys(steps).length === 0);
  if (isPlain) return () => Promise.resolve(new Map());
  const { prepareSteps } = await import("./build-steps.ts");
  return prepareSteps(request, openProject(request), imagesAndPlatforms(request, order));
}

/** Keys of the images to build, every parent before its children. Throws `BUILD_IMAGE_UNKNOWN`. */
function inOrder(document: Document, wanted: readonly string[] | undefined): readonly string[] {
  const images = imagesOf(document);
  const order = new Set<string>();
  const add = (key: string): void => {
    const image = Object.hasOwn(images, key) ? images[key] : undefined;
    if (image === undefined) {
      const hint = `the spec has ${Object.keys(images).sort(compareOrdinal).join(", ")}`;
      throw new AshlarError("USAGE_IMAGE", `Cannot build image "${key}": the spec has no such image`, {
        hint,
      });
    }
    if (image.from.kind === "image") add(image.from.image);
    order.add(key);
  };
  for (const key of wanted ?? Object.keys(images).sort(compareOrdinal)) add(key);
  return [...order];
}

type Recorded = ReadonlyMap<string, readonly RecordedPackage[]>;

function platformsOf(image: ImageDocument, wanted: readonly string[] | undefined): readonly string[] {
  return wanted === undefined
    ? image.platforms
    : image.platforms.filter((platform) => wanted.includes(platform));
}

/** The packages of every image and platform with their records, by "key platform"; unpacked all at once. */
async function recordPackages(request: BuildRequest, order: readonly string[]): Promise<Recorded> {
  const images = imagesOf(request.document);
  const wanted = request.lock.images.filter(
    ({ image, platform }) =>
      order.includes(image) &&
      platformsOf(images[image] as ImageDocument, request.platforms).includes(platform),
  );
  const records = await unpackPackages(
    wanted.flatMap((image) => image.packages),
    request,
  );
  return new Map(
    wanted.map(({ image, platform, packages }) => [
      `${image} ${platform}`,
      packages.map((locked) => ({ locked: withoutUnpacked(locked), record: records.get(locked.digest) as Digest })),
    ]),
  );
}

function imagesAndPlatforms(request: BuildRequest, order: readonly string[]): readonly StepsOf[] {
  const images = imagesOf(request.document);
  return order.flatMap((key) => {
    const platforms = platformsOf(images[key] as ImageDocument, request.platforms);
    return platforms.map((platform) => ({ key, platform }));
  });
}

interface Made {
  /** Image records by "key platform". */
  readonly done: Map<string, Digest>;
  readonly recorded: Recorded;
  readonly steps: MakeSteps;
}

async function buildNamed(request: BuildRequest, key: string, made: Made): Promise<BuiltImage> {
  const { store } = request;
  const document = imagesOf(request.document)[key] as ImageDocument;
  const name = fullName(request.document, key, document);
  const platforms = platformsOf(document, request.platforms);
  if (platforms.length === 0) {
    const hint = `it has ${document.platforms.join(", ")}`;
    throw new AshlarError(
      "USAGE_PLATFORM",
      `Cannot build image "${key}": it has none of the platforms asked for`,
      { hint },
    );
  }
  const images: { platform: string; record: Digest }[] = [];
  for (const platform of platforms) {
    const record = await buildPlatform(request, { key, name, document, platform }, made);
    made.done.set(`${key} ${platform}`, record);
    images.push({ platform, record });
  }
  const record: NamedRecord = { kind: "named/v1", name, digest: rootDigest(store, images), images };
  const digest = putNamedRecord(store, record);
  const isPart = platforms.length < document.platforms.length;
  const keepsName = request.keepsNames === "all" || (isPart && request.keepsNames === "of parts");
  const origin = request.origin?.(request.document.ashlar === "fleet/v1" ? key : undefined);
  nameImage(store, record, { target: digest, origin, keepsName });
  return { name, digest: record.digest, record };
}

/** A name without a slash goes below the fleet's registry. */
function fullName(document: Document, key: string, image: ImageDocument): string {
  const registry = document.ashlar === "fleet/v1" ? document.registry : undefined;
  const name = image.name === "" ? key : image.name;
  return registry === undefined || name.includes("/") ? name : `${registry}/${name}`;
}

interface Target {
  readonly key: string;
  readonly name: string;
  readonly document: ImageDocument;
  readonly platform: string;
}

async function buildPlatform(request: BuildRequest, target: Target, made: Made): Promise<Digest> {
  const { store, progress, form, epochSeconds, lock, document, spool } = request;
  const { done, recorded, steps } = made;
  const of = (key: string): readonly RecordedPackage[] => recorded.get(`${key} ${target.platform}`) ?? [];
  const chain = ancestorsOf(document, target.key);
  const parentKey = chain.at(-1);
  const parent =
    parentKey === undefined
      ? undefined
      : { record: done.get(`${parentKey} ${target.platform}`) as Digest, packages: chain.flatMap(of) };
  const sources = new Set([...chain, target.key].flatMap(of).map((item) => item.locked.from));
  const dates = lock.sources.filter((source) => sources.has(source.name)).map((source) => source.dateSeconds);
  const project = openProject(request);
  const base = await baseOf(request, target);
  const outputs = await steps(target);
  const own = { outputs, packages: of(target.key), base, parent, inputSeconds: Math.max(0, ...dates) };
  return buildImage({ store, progress, form, epochSeconds, spool, project, ...target, ...own, install: request });
}

/** The foreign image below, brought into the store. Throws `LOCK_STALE` where the lock has another. */
async function baseOf(
  request: BuildRequest,
  { key, document: { from }, platform }: Target,
): Promise<{ readonly name: string; readonly record: Digest } | undefined> {
  if (from.kind !== "oci") return undefined;
  const record = await openBase({ ...request, from, platform });
  const { manifest } = readForeignRecord(request.store, record);
  const locked = request.lock.images.find((image) => image.image === key && image.platform === platform);
  if (locked?.manifest === manifest) return { name: from.name, record };
  const fault = `the lock has manifest ${locked?.manifest ?? "none"}, want ${manifest}`;
  const message = `Cannot build image "${key}" for ${platform} on "${from.name}": ${fault}`;
  throw new AshlarError("LOCK_STALE", message, { hint: "run: ashlar lock" });
}

/** The images below one, the lowest first. */
function ancestorsOf(document: Document, key: string): readonly string[] {
  const from = imagesOf(document)[key]?.from;
  return from?.kind === "image" ? [...ancestorsOf(document, from.image), from.image] : [];
}

function rootDigest(
  store: Store,
  images: readonly { readonly platform: string; readonly record: Digest }[],
): Digest {
  const manifests = images.map((image) => manifestOf(store, image));
  const [only] = manifests;
  if (manifests.length === 1 && only !== undefined) return only.manifestDescriptor.digest;
  return store.put(makeIndex(manifests).index).digest;
}

function manifestOf(
  store: Store,
  { platform, record }: { readonly platform: string; readonly record: Digest },
): Image {
  const { manifest: digest, config } = readImageRecord(store, record);
  const manifest = store.read(digest);
  const { mediaType } = parseManifest(manifest);
  const manifestDescriptor = { mediaType, digest, sizeBytes: manifest.length };
  return {
    platform: parsePlatform(platform),
    manifest,
    manifestDescriptor,
    config: store.read(config),
    layers: [],
  };
}
