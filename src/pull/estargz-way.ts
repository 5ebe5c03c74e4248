// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { type EstargzEntry, parseEstargzToc, RecipeWriter, type TocFrame } from "../layer/index.ts";
import { annotationKeys, layerCompression } from "../oci/index.ts";
import { inPack } from "../store/index.ts";
import { makeHeaders } from "./estargz-headers.ts";
import type { FilesWay, LayerFile, WantedLayer } from "./layer-way.ts";
import { proveTar, tarPlan } from "./prove-tar.ts";
import { type EstargzTail, readEstargzTail, unpackMember } from "./read-estargz-tail.ts";

interface MadeLayer {
  readonly entries: readonly EstargzEntry[];
  /** The bytes between payloads. */
  readonly between: readonly Uint8Array[];
  readonly tail: EstargzTail;
}

/**
 * The way of an eStargz layer. Its table of contents says where each file lies, but not what lies between them: that
 * is made as its writers make it, compared in a few places before anything else is fetched, and proven by the diffId
 * in the end. Undefined where the layer has no such table. Throws `PULL_SECTION`, `PULL_HEADERS`, `LAYER_*`,
 * `FORMATS_*`, `OCI_RANGE_UNSUPPORTED`: then the layer must be had whole.
 */
export async function openEstargzWay(wanted: WantedLayer): Promise<FilesWay | undefined> {
  const { annotations, mediaType } = wanted.layer.descriptor;
  const tocDigest = annotations?.[annotationKeys.estargzTocDigest];
  if (tocDigest === undefined || layerCompression(mediaType) !== "gzip") return undefined;
  const tail = await readEstargzTail(wanted, tocDigest);
  if (tail === undefined) return undefined;
  const entries = parseEstargzToc(tail.toc, tail);
  return wayOf(wanted, { entries, between: await makeHeaders(wanted, entries, tail), tail });
}

/** A member may hold this much more than its payload and the longest gap that was made. */
const slackBytes = 64 << 10;

function wayOf(wanted: WantedLayer, made: MadeLayer): FilesWay {
  const { store } = wanted;
  const restBytesMax = made.between.reduce((max, { length }) => Math.max(max, length), slackBytes);
  const unpack = (stored: Uint8Array, { rawBytes }: TocFrame): Uint8Array => {
    return unpackMember(stored, rawBytes + restBytesMax + slackBytes).subarray(0, rawBytes);
  };
  const files = made.entries.flatMap((entry): LayerFile[] => {
    const { content, sizeBytes, frames } = entry;
    return content === undefined ? [] : [{ content, sizeBytes, frames, unpack }];
  });
  return {
    kind: "files",
    missing: files.filter(({ content }) => !store.has(content)),
    tableBytes: made.between.reduce((sum, { length }) => sum + length, made.tail.toc.length),
    finish: async () => {
      const recipe = inPack(store, (pack) => {
        return pack.put(recipeOf(files, pack.put(made.tail.toc).digest, made)).digest;
      });
      proveTar(store, recipe, wanted.layer.diffId);
      return tarPlan(wanted, { recipe, hasBlob: false });
    },
  };
}

function recipeOf(files: readonly LayerFile[], toc: Digest, { between, tail }: MadeLayer): Buffer {
  const pieces: Uint8Array[] = [];
  const writer = new RecipeWriter((bytes) => void pieces.push(bytes));
  for (const [i, raw] of between.entries()) {
    writer.raw(raw);
    const file = files[i];
    if (file !== undefined) writer.content(file.content);
  }
  writer.raw(tail.head);
  writer.content(toc);
  writer.raw(tail.end);
  return Buffer.concat(pieces);
}
