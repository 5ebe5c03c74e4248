// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, type Json } from "../base/index.ts";
import { type Compressor, compressorId } from "../formats/index.ts";
import type { Action, Store } from "../store/index.ts";
import { type ComposedBlob, composeZstd } from "./compose-zstd.ts";
import { rememberLayer } from "./known-layer.ts";
import {
  type ComposedPlan,
  type LayerForm,
  layerFormat,
  type LayerPlan,
  planReaches,
  type TarPlan,
  withoutClaims,
} from "./plan.ts";
import type { LayerSpool, SpooledBlob } from "./spool.ts";
import { parseRecipe, writeRecipe } from "./tar-recipe.ts";
import type { LayerParts } from "./tar-walk.ts";
import { writeGzip } from "./write-gzip.ts";
import { writeTar } from "./write-tar.ts";

/** A layer as a blob in one form. */
export interface LayerBlob extends ComposedBlob {
  readonly form: LayerForm;
  readonly mediaType: string;
  readonly diffId: Digest;
}

const mediaTypes: Readonly<Record<LayerForm, string>> = {
  "zstd:chunked": "application/vnd.oci.image.layer.v1.tar+zstd",
  zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  none: "application/vnd.oci.image.layer.v1.tar",
};

/** The identity of what compresses layers of this form; recorded in lock and manifest. */
export function formIdentity(form: LayerForm): string {
  if (form === "none") return "none";
  return form === "gzip" ? "pako@3.0.3/6" : compressorId();
}

/** Reads the trees of a plan. */
export function readParts(store: Store, plan: ComposedPlan): LayerParts {
  return {
    directories: store.readTree(plan.directories),
    blocks: plan.blocks.map((block) => store.readTree(block)),
  };
}

export interface LayerMaker {
  readonly store: Store;
  /** Keeps blobs that are composed, so that writing them out needs no second composition. */
  readonly spool?: LayerSpool | undefined;
  /** Only asked for when a blob must be composed. */
  readonly compressor: () => Promise<Compressor>;
  /** Gives the blobs of layers that are kept by file only; the reader verifies them. */
  readonly elsewhere?: ((plan: TarPlan) => AsyncIterable<Uint8Array> | undefined) | undefined;
}

/** What the blob of a layer is in one form; composed once, then remembered. A foreign one is what it is. */
export async function describeLayer(plan: LayerPlan, wanted: LayerForm, maker: LayerMaker): Promise<LayerBlob> {
  const { store } = maker;
  const form = plan.kind === undefined ? (plan.form ?? wanted) : wanted;
  if (plan.kind !== undefined) {
    const { mediaType, digest, sizeBytes, annotations, diffId } = plan;
    return { mediaType, digest, sizeBytes, annotations, diffId, form };
  }
  const action = blobAction(plan, form);
  const known = store.getAction(action)?.value as unknown as ComposedBlob | undefined;
  const claims = plan.claimed === true;
  const blob = known ?? exhaust(await openPieces(plan, { form, claims, maker }), maker.spool?.begin());
  const diffId = form === "none" ? blob.digest : diffIdOf(plan, store);
  if (known === undefined) {
    rememberBlob(store, plan, { form, blob });
    rememberLayer(store, blob.digest, { ...plan, form });
  }
  return { ...blob, form, diffId, mediaType: mediaTypes[form] };
}

/** Remembers what the blob of a layer is in one form, so that `describeLayer` need not compose it. */
export function rememberBlob(
  store: Store,
  plan: ComposedPlan,
  { form, blob }: { readonly form: LayerForm; readonly blob: ComposedBlob },
): void {
  store.putAction(blobAction(plan, form), { value: blob as unknown as Json, reaches: planReaches([plan]) });
}

function diffIdOf(plan: ComposedPlan, store: Store): Digest {
  const action = blobAction(plan, "none");
  const known = store.getAction(action)?.value as unknown as ComposedBlob | undefined;
  if (known !== undefined) return known.digest;
  const blob = exhaust(asBlob(writeTar(readParts(store, plan), store)));
  rememberBlob(store, plan, { form: "none", blob });
  return blob.digest;
}

function blobAction(plan: ComposedPlan, form: LayerForm): Action {
  const inputs = [plan.directories, ...plan.blocks];
  const frames = plan.claimed === true && form !== "none" ? "claimed" : undefined;
  return {
    operation: "layer.compose",
    version: layerFormat,
    inputs,
    parameters: { form, compressor: formIdentity(form), ...(frames && { frames }) },
  };
}

interface PiecesOptions {
  readonly form: LayerForm;
  /** Whether frames that are said to be ours may be taken for them. */
  readonly claims: boolean;
  readonly maker: LayerMaker;
}

async function openPieces(
  plan: ComposedPlan,
  { form, claims, maker: { store, compressor } }: PiecesOptions,
): Promise<Generator<Uint8Array, ComposedBlob, void>> {
  const parts = readParts(store, plan);
  switch (form) {
    case "zstd:chunked":
    case "zstd":
      return composeZstd(parts, {
        source: store,
        compressor: await compressor(),
        chunked: form === "zstd:chunked",
        claims,
      });
    case "gzip":
      return writeGzip(parts, store);
    case "none":
      return asBlob(writeTar(parts, store));
  }
}

export function* asBlob(
  tar: Generator<Uint8Array, { readonly diffId: Digest; readonly sizeBytes: number }, void>,
): Generator<Uint8Array, ComposedBlob, void> {
  const { diffId, sizeBytes } = yield* tar;
  return { digest: diffId, sizeBytes, annotations: {} };
}

function exhaust<R extends object>(pieces: Generator<Uint8Array, R, void>, spooled?: SpooledBlob): R {
  try {
    for (;;) {
      const next = pieces.next();
      if (next.done !== true) {
        spooled?.write(next.value);
        continue;
      }
      if ("digest" in next.value) spooled?.keep(next.value.digest as Digest);
      return next.value;
    }
  } finally {
    spooled?.end();
  }
}

/** Pieces are gathered to about this size before they are handed on. */
const batchBytes = 1 << 18;

/**
 * The bytes of a layer's blob: composed anew from the store, or as they came where others made it. Throws
 * `LAYER_CHANGED` or `STORE_CONTENT_DAMAGED` at the end when they are not those of `blob`.
 */
export async function* openLayer(
  plan: LayerPlan,
  blob: LayerBlob,
  maker: LayerMaker,
): AsyncGenerator<Uint8Array> {
  if (plan.kind === "tar") return yield* openTarLayer(plan, maker);
  const spooled = maker.spool?.open(blob.digest);
  if (spooled !== undefined) return yield* spooled;
  const claims = await proveClaims(plan, blob, maker);
  const made = yield* batched(await openPieces(plan, { form: blob.form, claims: claims === "true", maker }));
  if (made.digest === blob.digest) {
    if (claims === "false") rememberLayer(maker.store, blob.digest, { ...withoutClaims(plan), form: blob.form });
    return;
  }
  const fault = `its bytes have digest ${made.digest}, want ${blob.digest}`;
  const message = `Cannot write layer "${plan.name}": ${fault}`;
  const hint = "run `ashlar store fsck --full`; an image that was pulled can be pulled again with --keep-blobs";
  throw new AshlarError("LAYER_CHANGED", message, { hint });
}

/**
 * Whether the frames that are said to be ours still make the blob; undefined where none count without proof. The store
 * may have other ones by now: gc, a repair or another pull left those of another pack. What they make instead is
 * remembered, so that they are not trusted again.
 */
async function proveClaims(
  plan: ComposedPlan,
  blob: LayerBlob,
  maker: LayerMaker,
): Promise<"true" | "false" | undefined> {
  const { form } = blob;
  const isCompressed = form === "zstd:chunked" || form === "zstd";
  if (!isCompressed || (plan.claimed !== true && blob.hasTrueClaims !== true)) return undefined;
  const now = exhaust(await openPieces(plan, { form, claims: true, maker }));
  if (now.digest === blob.digest) return "true";
  const { digest, sizeBytes, annotations } = plan.claimed === true ? now : blob;
  rememberBlob(maker.store, plan, { form, blob: { digest, sizeBytes, annotations } });
  return "false";
}

async function* batched<R>(pieces: Generator<Uint8Array, R, void>): AsyncGenerator<Uint8Array, R, void> {
  let batch: Uint8Array[] = [];
  let length = 0;
  let next = pieces.next();
  for (; next.done !== true; next = pieces.next()) {
    batch.push(Uint8Array.from(next.value));
    length += next.value.length;
    if (length < batchBytes) continue;
    yield Buffer.concat(batch);
    batch = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(batch);
  return next.value;
}

/** A blob that is the tar is made again; another one is here, or comes from elsewhere. */
async function* openTarLayer(plan: TarPlan, { store, elsewhere }: LayerMaker): AsyncGenerator<Uint8Array> {
  if (plan.hasBlob) return yield* store.stream(plan.digest);
  if (plan.digest === plan.diffId) {
    yield* writeRecipe(parseRecipe(store.stream(plan.recipe)), (content) => store.stream(content));
    return;
  }
  const blob = elsewhere?.(plan);
  if (blob !== undefined) return yield* blob;
  const message = `Cannot write layer "${plan.digest}": the store has its files, not its compressed form`;
  throw new AshlarError("LAYER_BLOB_ABSENT", message, {
    hint: "copy it from where it was pulled, or pull it again with --keep-blobs",
  });
}
