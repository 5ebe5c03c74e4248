// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, limits } from "../base/index.ts";
import { decompressOneFrame } from "../formats/index.ts";
import type { TocFrame } from "../layer/index.ts";
import type { ContentInfo, Store } from "../store/index.ts";
import type { SpanFrame, WantedFile } from "./plan-spans.ts";

/** Whether frames can be taken over as they come, and under which name. */
export interface SinkOptions {
  readonly store: Store;
  /**
   * Names the compressor that is said to have made a file's frames: they are kept as they come. Undefined where the
   * content is compressed anew, and so by ours: equal bytes on every machine.
   */
  readonly madeBy: (file: WantedFile) => string | undefined;
  /** Told when more files are in the store. */
  readonly onKept?: () => void;
}

/** A pack is ended at this size, so that an interrupted pull has little to do again. */
const packBytesMax = 2 * limits.frameBytesMax;

/** Each holds a batch of its pack in memory. Frames of a file lie together, so of one that lies few more are open. */
const openFilesMax = 32;

interface OpenFile {
  readonly file: WantedFile;
  next: number;
  take(stored: Uint8Array, frame: TocFrame): void;
  takeRaw(raw: Uint8Array): void;
  end(): ContentInfo;
  leave(): void;
}

/**
 * Takes the frames of files as they arrive and keeps them in the store, each proven. Small files gather in one pack;
 * a large one has a pack of its own while it is open. What is complete survives `settle`, whatever happened.
 */
export class FrameSink {
  readonly #options: SinkOptions;
  readonly #open = new Map<WantedFile, OpenFile>();
  #own: ReturnType<Store["beginPack"]> | undefined;
  readonly #foreign = new Map<string, ReturnType<Store["beginFramePack"]>>();
  #storedBytes = 0;

  constructor(options: SinkOptions) {
    this.#options = options;
  }

  /** Takes the next frame of a file. Throws `PULL_CONTENT`, `STORE_FRAME_INVALID`, `FORMATS_*`. */
  take({ file, index, frame }: SpanFrame, stored: Uint8Array): void {
    if (file.frames.length === 1) this.#takeWhole(file, stored);
    else this.#takePiece(file, index, { stored, frame });
    this.#storedBytes += stored.length;
    if (this.#storedBytes > packBytesMax) this.#commit();
  }

  #takeWhole(file: WantedFile, stored: Uint8Array): void {
    const compressor = this.#keptAs(file);
    if (compressor !== undefined) {
      const writer = this.#foreignPack(compressor).open();
      try {
        writer.write(stored, file.sizeBytes);
        writer.end(file.content);
      } finally {
        writer.abort();
      }
      return;
    }
    this.#own ??= this.#options.store.beginPack();
    verifyContent(this.#own.put(rawOf(file, file.frames[0] as TocFrame, stored)), file);
  }

  #foreignPack(compressor: string): ReturnType<Store["beginFramePack"]> {
    const pack = this.#foreign.get(compressor) ?? this.#options.store.beginFramePack(compressor);
    this.#foreign.set(compressor, pack);
    return pack;
  }

  /** The compressor under whose name a file's frames are kept. Frames larger than a pack takes are cut anew. */
  #keptAs(file: WantedFile): string | undefined {
    const fits = file.frames.every(({ rawBytes, storedBytes }) => {
      return rawBytes <= limits.frameBytesMax && storedBytes <= rawBytes + (rawBytes >> 7) + 1024;
    });
    return file.unpack === undefined && fits ? this.#options.madeBy(file) : undefined;
  }

  #takePiece(file: WantedFile, index: number, piece: { readonly stored: Uint8Array; readonly frame: TocFrame }): void {
    const open = this.#open.get(file) ?? this.#openFile(file);
    this.#takeLocal(open, index);
    open.take(piece.stored, piece.frame);
    open.next = index + 1;
    this.#takeLocal(open, open.file.frames.length);
    if (open.next < file.frames.length) return;
    this.#open.delete(file);
    verifyContent(open.end(), file);
  }

  /** Pieces that an earlier pull left, up to the frame `end`; it stops where one is not here. */
  #takeLocal(open: OpenFile, end: number): void {
    const { store } = this.#options;
    while (open.next < end) {
      const frame = open.file.frames[open.next] as TocFrame;
      if (!isPieceHere(store, frame)) return;
      open.takeRaw(store.read(frame.digest));
      open.next++;
    }
  }

  #openFile(file: WantedFile): OpenFile {
    if (this.#open.size >= openFilesMax) throw contentFault("the frames of too many files lie in each other");
    const compressor = this.#keptAs(file);
    const open = compressor === undefined ? this.#openContent(file) : this.#openFrames(file, compressor);
    this.#open.set(file, open);
    return open;
  }

  #openContent(file: WantedFile): OpenFile {
    const pack = this.#options.store.beginPack();
    const writer = pack.open();
    return {
      file,
      next: 0,
      take: (stored, frame) => writer.write(rawOf(file, frame, stored)),
      takeRaw: (raw) => writer.write(raw),
      end: () => ending(pack, () => writer.end()),
      leave: () => ending(pack, () => writer.leave()),
    };
  }

  #openFrames(file: WantedFile, compressor: string): OpenFile {
    const { store } = this.#options;
    const pack = store.beginFramePack(compressor);
    const writer = pack.open();
    const read = (raw: Uint8Array, digest: Digest): void => writer.write(store.readFrames(digest), raw.length);
    const open: OpenFile = {
      file,
      next: 0,
      take: (stored, { rawBytes }) => writer.write(stored, rawBytes),
      takeRaw: (raw) => read(raw, (file.frames[open.next] as { digest: Digest }).digest),
      end: () => ending(pack, () => writer.end(file.content)),
      leave: () => ending(pack, () => writer.leave()),
    };
    return open;
  }

  #commit(): void {
    const packs = [this.#own, ...this.#foreign.values()];
    [this.#own, this.#storedBytes] = [undefined, 0];
    this.#foreign.clear();
    doAll(packs.map((pack) => () => pack && ending(pack, () => {})));
    this.#options.onKept?.();
  }

  /**
   * Keeps what is complete, and the whole frames of files that are not; tells whether there are none such. A pack that
   * cannot be written takes none of the others with it, and none stays open.
   */
  settle(): boolean {
    const open = [...this.#open.values()];
    this.#open.clear();
    doAll([...open.map((file) => () => file.leave()), () => this.#commit()]);
    return open.length === 0;
  }
}

/** Takes every step, also where one before it fails; then throws the first error. */
function doAll(steps: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** Tells whether the piece of a large file that a frame holds is here; the digest may be that of something else. */
export function isPieceHere(store: Pick<Store, "info">, { digest, rawBytes }: TocFrame): boolean {
  const info = store.info(digest);
  return info?.sizeBytes === rawBytes && info.frames.length === 1;
}

function rawOf({ unpack }: WantedFile, frame: TocFrame, stored: Uint8Array): Uint8Array {
  return unpack === undefined ? decompressOneFrame(stored, frame.rawBytes) : unpack(stored, frame);
}

function ending<T>(pack: { commit(): void; abort(): void }, step: () => T): T {
  try {
    const made = step();
    pack.commit();
    return made;
  } finally {
    pack.abort();
  }
}

function verifyContent(info: ContentInfo, { content }: WantedFile): void {
  if (info.digest === content) return;
  const details = { expected: content, actual: info.digest };
  throw contentFault(`its bytes have digest ${info.digest}, want ${content}`, details);
}

export function contentFault(state: string, details?: Record<string, unknown>): AshlarError {
  return new AshlarError("PULL_CONTENT", `Cannot take file: ${state}`, details === undefined ? {} : { details });
}
