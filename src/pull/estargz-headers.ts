// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import type { ForeignForm } from "../formats/index.ts";
import { type EstargzEntry, estargzLandmarks } from "../layer/index.ts";
import { annotationKeys } from "../oci/index.ts";
import { encodeGap, type Gap, planGaps } from "./estargz-gaps.ts";
import type { WantedLayer } from "./layer-way.ts";
import { type EstargzTail, unpackMember } from "./read-estargz-tail.ts";
import { readRange } from "./read-range.ts";

/**
 * Makes what lies between the payloads of an eStargz layer: one piece more than there are files with payload. A few
 * of them are fetched and compared. Throws `PULL_HEADERS` where they turn out to be others, `FORMATS_TAR_REMAKE`, and
 * what `readRange` throws.
 */
export async function makeHeaders(
  wanted: WantedLayer,
  entries: readonly EstargzEntry[],
  tail: EstargzTail,
): Promise<readonly Uint8Array[]> {
  if (entries.length > headerCountMax) throw headersFault(`they are ${entries.length}, and in memory together`);
  const gaps = planGaps(entries, tail.dataBytes);
  const { form, endBytes } = await recogniseForm(wanted, gaps, tail);
  const made = gaps.map((gap) => encodeGap(gap, form));
  const hasLandmark = entries.some(({ name }) => estargzLandmarks.has(name));
  const end = settleEnd({ wanted, endBytes, hasLandmark, tarBytes: tarBytes(made, entries, tail) });
  return [...made.slice(0, -1), Buffer.concat([...made.slice(-1), Buffer.alloc(end)])];
}

/** Some 64 MiB of headers. */
const headerCountMax = 128 << 10;

/** A gap as it is in the blob. */
interface Sample {
  readonly gap: Gap;
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/** How headers are written, and zeros behind the last one: those of a tar that was wrapped as it was. */
interface Form {
  readonly form: ForeignForm;
  readonly endBytes: number | undefined;
}

async function recogniseForm(wanted: WantedLayer, gaps: readonly Gap[], tail: EstargzTail): Promise<Form> {
  const samples = await Promise.all(
    chooseSamples(gaps).map(async (gap): Promise<Sample> => {
      return { gap, bytes: await readGap(wanted, gap, tail), isLast: gap === gaps.at(-1) };
    }),
  );
  for (const form of ["go-posix", "go-gnu", "gnu"] as const) {
    const ends = samples.map((sample) => endOf(sample, form));
    if (ends.every((end) => end !== undefined)) return { form, endBytes: ends[samples.findIndex((s) => s.isLast)] };
  }
  throw headersFault("they are not as the writers of eStargz make them");
}

/** A gap is compared up to this size of its member. */
const sampleBytesMax = 64 << 10;

/** Where writers differ: headers that ustar can hold, names that are long or not ASCII, attributes. */
const features: readonly ((entry: EstargzEntry) => boolean)[] = [
  (entry) => !hasAttributes(entry) && !hasOddName(entry) && !estargzLandmarks.has(entry.name),
  hasOddName,
  hasAttributes,
];

function hasAttributes({ xattrs }: EstargzEntry): boolean {
  return xattrs !== undefined;
}

function hasOddName({ name, linkName }: EstargzEntry): boolean {
  return [name, linkName].some((text) => Buffer.byteLength(text) > Math.min(100, text.length));
}

/** The smallest gap with each feature, and the last one. */
function chooseSamples(gaps: readonly Gap[]): readonly Gap[] {
  const bySize = [...gaps].sort((a, b) => a.member.sizeBytes - b.member.sizeBytes);
  const found = features.map((has) => bySize.find(({ entries }) => entries.some(has)));
  const chosen = new Set([...found, gaps.at(-1)].filter((gap) => gap !== undefined));
  return [...chosen].filter(({ member }) => member.sizeBytes <= sampleBytesMax);
}

async function readGap(wanted: WantedLayer, gap: Gap, tail: EstargzTail): Promise<Uint8Array> {
  const stored = tail.part(gap.member) ?? (await readRange(wanted, gap.member));
  return unpackMember(stored, sampleBytesMax * 1032).subarray(gap.payloadBytes);
}

/** Zeros behind what the form makes of a gap; undefined where the gap is not what the form makes. */
function endOf({ gap, bytes, isLast }: Sample, form: ForeignForm): number | undefined {
  const made = encodeGap(gap, form);
  if (!made.equals(bytes.subarray(0, made.length))) return undefined;
  const rest = bytes.subarray(made.length);
  return rest.length === 0 || (isLast && rest.every((byte) => byte === 0)) ? rest.length : undefined;
}

function tarBytes(gaps: readonly Uint8Array[], entries: readonly EstargzEntry[], tail: EstargzTail): number {
  const pieces = [...gaps, tail.head, tail.toc, tail.end];
  const payloads = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return pieces.reduce((sum, { length }) => sum + length, payloads);
}

interface End {
  readonly wanted: WantedLayer;
  readonly endBytes: number | undefined;
  readonly hasLandmark: boolean;
  /** Without the end. */
  readonly tarBytes: number;
}

/**
 * Zeros behind the last header. The annotation helps where they were not seen; of writers that set landmarks it is
 * the tar's size for sure, and tells before anything is fetched that headers are others.
 */
function settleEnd({ wanted, endBytes, hasLandmark, tarBytes }: End): number {
  const want = Number(wanted.layer.descriptor.annotations?.[annotationKeys.estargzTarBytes] ?? Number.NaN);
  const rest = want - tarBytes;
  const isPlausible = rest >= 0 && rest <= sampleBytesMax && rest % 512 === 0;
  const end = endBytes ?? (isPlausible ? rest : 0);
  if (!hasLandmark || Number.isNaN(want) || rest === end) return end;
  throw headersFault(`with them the tar has ${tarBytes + end} bytes, want ${want}`);
}

function headersFault(state: string): AshlarError {
  return new AshlarError("PULL_HEADERS", `Cannot make the headers of an eStargz layer again: ${state}`);
}
