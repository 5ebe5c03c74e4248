// SPDX-License-Identifier: Apache-2.0
import { type OwnedTree, readOwnedTree } from "../assemble/index.ts";
import { AshlarError, byText, canonicalJson, type Digest, digestOf, type Json, type Progress } from "../base/index.ts";
import { cutRuns, encodeTree, loadCompressor, type RunLengths } from "../formats/index.ts";
import { makeImage, type ManifestFacts, type NamedLayer } from "../image/index.ts";
import {
  describeLayer,
  describePublished,
  formIdentity,
  type LayerForm,
  layerFormat,
  type LayerMaker,
  type LayerPlan,
  type LayerSpool,
  openLayer,
  type PublishedLayer,
} from "../layer/index.ts";
import { type Image, type ImageConfig, parseConfig, parseManifest, parsePlatform } from "../oci/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { Action, PackWriter, Store } from "../store/index.ts";
import { digestAppInputs, makeAppStage } from "./app-stage.ts";
import { readForeignRecord } from "../pull/index.ts";
import type { InstallContext } from "./installed-root.ts";
import { type ImageRecord, putImageRecord, readImageRecord } from "./record.ts";
import type { RecordedPackage, Stage } from "./stage.ts";
import { projectTree } from "./steps/plan-step.ts";
import type { OpenProject } from "./steps/read-project-file.ts";
import { makeSystemStage, type SystemRequest } from "./system-stage.ts";
import { verifyImage } from "./verify-image.ts";

export interface ImageRequest {
  readonly store: Store;
  readonly name: string;
  readonly document: ImageDocument;
  readonly platform: string;
  /** Of this image alone. */
  readonly packages: readonly RecordedPackage[];
  /** The foreign image directly below, for `from: { oci }`; `record` is the digest of its `ForeignRecord`. */
  readonly base?: { readonly name: string; readonly record: Digest } | undefined;
  /** The image below and everything in it, for `from: { image }`. */
  readonly parent: { readonly record: Digest; readonly packages: readonly RecordedPackage[] } | undefined;
  /** Hashes the project's files without keeping them, and brings them into the store. */
  readonly project: OpenProject;
  /** Trees: the outputs of its steps that it takes files from, by name. */
  readonly outputs: ReadonlyMap<string, Digest>;
  readonly form: LayerForm;
  /** SOURCE_DATE_EPOCH, where it is set. */
  readonly epochSeconds: number | undefined;
  /** The newest date among the locked inputs. */
  readonly inputSeconds: number;
  readonly progress: Progress;
  readonly install: InstallContext;
  /** Keeps the layers that are composed, for outputs. */
  readonly spool: LayerSpool | undefined;
}

/** Builds one image for one platform; the digest of its `ImageRecord`. Unchanged inputs are one look-up. */
export async function buildImage(request: ImageRequest): Promise<Digest> {
  const { store } = request;
  const action = actionOf(request, digestProject(request));
  const known = store.getAction(action);
  if (known !== undefined) return known.value as Digest;
  const record = await assemble(request);
  store.putAction(action, { value: record, reaches: { records: [record] } });
  return record;
}

/** The digest of all that the build takes from the project. */
function digestProject({ document, project }: ImageRequest): Digest {
  const app = digestAppInputs(document, project());
  const { run } = document.system;
  if (run.length === 0) return app;
  return digestOf(canonicalJson([app, ...run.map((item) => digestOf(encodeTree(projectTree(item, project()))))]));
}

function actionOf(request: ImageRequest, project: Digest): Action {
  const { name, document, platform, packages, base, parent, form, epochSeconds, inputSeconds } = request;
  const below = parent?.record ?? base?.record;
  const outputs = [...request.outputs].sort(byText(([step]) => step)).map(([, tree]) => tree);
  const records = packages.map((item) => item.record);
  const inputs = [project, ...records, ...(below === undefined ? [] : [below]), ...outputs];
  const parameters = {
    name,
    document,
    platform,
    form,
    compressor: formIdentity(form),
    layerFormat,
    locked: packages.map((item) => item.locked),
    epochSeconds: epochSeconds ?? null,
    inputSeconds,
  };
  return { operation: "image.build", version: 4, inputs, parameters: parameters as unknown as Json };
}

async function assemble(request: ImageRequest): Promise<Digest> {
  const { store, document, parent } = request;
  const system = await makeSystemStage({ ...request, below: stageBelow(request) });
  const pack = store.beginPack();
  try {
    const lower = readOwnedTree(store, system);
    const project = request.project(pack);
    const app = makeAppStage({
      ...request,
      below: system,
      lower,
      project,
      pack,
      mtimeSeconds: request.epochSeconds ?? 0,
    });
    const packages = [...(parent?.packages ?? []), ...request.packages].filter(isInImage);
    const parts = putDocuments(pack, document, packages);
    pack.commit();
    await checkImage(request, app.owned, packages);
    return await finish(request, app.stage, parts);
  } catch (error) {
    pack.abort();
    throw error;
  }
}

/** Tools only ran the scripts of others. */
function isInImage({ locked }: RecordedPackage): boolean {
  return locked.use !== "tools";
}

function stageBelow({ store, parent, base }: ImageRequest): SystemRequest["below"] {
  if (parent !== undefined) {
    return { stage: stageOf(readImageRecord(store, parent.record)), packages: parent.packages };
  }
  return base === undefined ? undefined : { stage: stageOf(readForeignRecord(store, base.record)), packages: [] };
}

function stageOf({ layers, flat, owners }: Stage): Stage {
  return { layers, flat, owners };
}

/** The foreign image at the bottom, below whatever else. */
function baseOf({ store, parent, base }: ImageRequest): Digest | undefined {
  return parent === undefined ? base?.record : readImageRecord(store, parent.record).base;
}

/** The config whose layers and settings come first; images of a fleet on Debian or scratch inherit nothing. */
function configBelow({ store, parent, base }: ImageRequest): ImageConfig | undefined {
  if (base !== undefined) return parseConfig(store.read(readForeignRecord(store, base.record).config));
  const record = parent === undefined ? undefined : readImageRecord(store, parent.record);
  return record?.base === undefined ? undefined : parseConfig(store.read(record.config));
}

async function checkImage(
  request: ImageRequest,
  owned: OwnedTree,
  packages: readonly RecordedPackage[],
): Promise<void> {
  const { store, document, progress } = request;
  const env = configBelow(request)?.config.env;
  const warnings = verifyImage({ store, document, owned, packages, base: baseOf(request), env });
  for (const warning of warnings) progress.warn(warning);
}

function putDocuments(
  pack: PackWriter,
  document: ImageDocument,
  packages: readonly RecordedPackage[],
): Pick<ImageRecord, "document" | "packages"> {
  const put = (value: unknown): Digest => pack.put(Buffer.from(canonicalJson(value as Json), "utf8")).digest;
  return { document: put(document), packages: pack.putJoined(encodePackages(packages)).digest };
}

const packageLengths: RunLengths = { countMin: 6, countMax: 32, boundaryMask: 3 };

/** The canonical JSON array, cut by names so that images of nearly the same packages share most of it. */
function encodePackages(packages: readonly RecordedPackage[]): readonly Uint8Array[] {
  const runs = cutRuns(packages, ({ locked }) => locked.name, packageLengths);
  if (runs.length === 0) return [Buffer.from("[]")];
  return runs.map((run, i) => {
    const items = run.map(({ locked }) => canonicalJson(locked as unknown as Json));
    return Buffer.from(`${i === 0 ? "[" : ","}${items.join(",")}${i === runs.length - 1 ? "]" : ""}`, "utf8");
  });
}

async function finish(
  request: ImageRequest,
  stage: Stage,
  parts: Pick<ImageRecord, "document" | "packages">,
): Promise<Digest> {
  const { store, name, platform, form } = request;
  const below = createdSecondsOf(configBelow(request));
  const createdSeconds = request.epochSeconds ?? Math.max(request.inputSeconds, below);
  const { layers, image } = await encodeImage(request, stage, createdSeconds);
  const pack = store.beginPack();
  const manifest = pack.put(image.manifest).digest;
  const config = pack.put(image.config).digest;
  pack.commit();
  const { flat, owners, installed, secrets = [] } = stage;
  const base = baseOf(request);
  const unpacked = [...(request.parent?.packages ?? []), ...request.packages].map((item) => item.record);
  const record: ImageRecord = {
    kind: "image/v1",
    name,
    platform,
    ...parts,
    unpacked,
    ...(base !== undefined && { base }),
    ...(request.outputs.size > 0 && { outputs: [...request.outputs.values()] }),
    layers,
    flat,
    owners,
    ...(installed !== undefined && { installed }),
    ...(secrets.length > 0 && { secrets }),
    createdSeconds,
    form,
    manifest,
    config,
  };
  return putImageRecord(store, record);
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** When an image says it was made; 0 where it says it otherwise than it must (RFC 3339), or before 1970. */
function createdSecondsOf(config: ImageConfig | undefined): number {
  const text = config?.created ?? "";
  const seconds = rfc3339.test(text) ? Math.floor(Date.parse(text) / 1000) : 0;
  return seconds > 0 && seconds < 253_402_300_800 ? seconds : 0;
}

/** The image, and its layers as they were made. */
async function encodeImage(
  request: ImageRequest,
  stage: Stage,
  createdSeconds: number,
): Promise<{ readonly image: Image; readonly layers: readonly LayerPlan[] }> {
  const { store, document, platform, form, progress, spool } = request;
  const maker: LayerMaker = { store, compressor: loadCompressor, spool };
  const layers: NamedLayer[] = [];
  const plans: LayerPlan[] = [];
  const shown = progress.start(`compose layers (${platform})`, stage.layers.length, "items");
  const describe = layerDescriber(request, maker);
  for (const [i, layer] of stage.layers.entries()) {
    const { plan, blob } = await describe(layer, i);
    plans.push(plan);
    const { mediaType, digest, sizeBytes, annotations, diffId } = blob;
    const descriptor = { mediaType, digest, sizeBytes, annotations };
    layers.push({
      descriptor,
      diffId,
      createdBy: `ashlar: ${plan.name}`,
      open: () => openLayer(plan, blob, maker),
    });
    shown.advance(1);
  }
  shown.done(`${stage.layers.length} layers`);
  const { config, lifecycle } = document;
  const facts = { config, lifecycle, createdSeconds, compressor: formIdentity(form) };
  const base = configBelow(request);
  const image = makeImage({ ...facts, ...baseFacts(request), base, platform: parsePlatform(platform), layers });
  return { image, layers: plans };
}

/** Describes the layers of an image in order, those of the foreign image below as that was published. */
function layerDescriber(
  request: ImageRequest,
  maker: LayerMaker,
): (plan: LayerPlan, i: number) => Promise<PublishedLayer> {
  const { store, form } = request;
  const base = baseOf(request);
  const manifest = base === undefined ? undefined : readForeignRecord(store, base).manifest;
  const published = manifest === undefined ? [] : parseManifest(store.read(manifest)).layers;
  return async (plan, i) => {
    const digest = published[i]?.digest;
    if (digest === undefined) return { plan, blob: await describeLayer(plan, form, maker) };
    const found = await describePublished(plan, digest, { form, maker });
    if (found !== undefined) return found;
    const message = `Cannot stand on base "${manifest}": the files in the store do not make its layer "${digest}"`;
    const hint = "run `ashlar store fsck --full`, pull the base again with --keep-blobs, then build";
    throw new AshlarError("BUILD_BASE_CHANGED", message, { hint, details: { digest } });
  };
}

/** What annotations say of the image below: the one that ours shares its first layers with. */
function baseFacts({ store, base, document: { from } }: ImageRequest): Pick<ManifestFacts, "baseName" | "baseDigest"> {
  if (from.kind === "debian") return { baseName: `debian:${from.suite}` };
  return base === undefined ? {} : { baseName: base.name, baseDigest: readForeignRecord(store, base.record).manifest };
}
