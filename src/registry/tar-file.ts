// SPDX-License-Identifier: Apache-2.0
import { AshlarError, emptyDigest, parsePath } from "../base/index.ts";
import { encodeTarHeader, type Entry, tarEnd, tarPadding } from "../formats/index.ts";
import { FileWriter } from "./file-writer.ts";

/** The largest size a header without extension can say; only with one can a header grow afterwards. */
const plainSizeMax = 0o77777777777;
const meta = { uid: 0, gid: 0, mtimeSeconds: 0 };

/** What became of a member written by `addUnknown`. */
export interface MemberFate {
  readonly name: string;
  /** False takes the member back: the same is there already. */
  readonly keep: boolean;
}

/**
 * Writes a deterministic tar file, member by member; it is not there before `commit`. Owners are root, times
 * 0, modes 0644 and 0755. Throws `REGISTRY_WRITE`.
 */
export class TarFile {
  readonly #writer: FileWriter;

  constructor(path: string) {
    this.#writer = new FileWriter(path);
  }

  addDir(name: string): void {
    this.#writer.write(encodeTarHeader({ ...meta, type: "dir", path: parsePath(name), mode: 0o755 }));
  }

  addBytes(name: string, bytes: Uint8Array): void {
    this.#writer.write(encodeTarHeader(fileEntry(name, bytes.length)));
    this.#writer.write(bytes);
    this.#writer.write(tarPadding(bytes.length));
  }

  /** Adds a file of known size; takes it back when `bytes` throws. */
  async addStream(name: string, sizeBytes: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#orTakeBack(async () => {
      this.#writer.write(encodeTarHeader(fileEntry(name, sizeBytes)));
      const written = await this.#writeAll(bytes);
      if (written !== sizeBytes) throw new Error(`internal error: ${name} has ${written} bytes, not ${sizeBytes}`);
      this.#writer.write(tarPadding(sizeBytes));
    });
  }

  /** Adds a file whose name and size are known only behind its last byte; `fateOf` tells the name. */
  async addUnknown(bytes: AsyncIterable<Uint8Array>, fateOf: () => MemberFate): Promise<void> {
    await this.#orTakeBack(async (start) => {
      const placeholder = encodeTarHeader(fileEntry("unknown", 0));
      this.#writer.write(placeholder);
      const sizeBytes = await this.#writeAll(bytes);
      const { name, keep } = fateOf();
      if (!keep) {
        this.#writer.truncate(start);
        return;
      }
      const header = encodeTarHeader(fileEntry(name, sizeBytes));
      if (sizeBytes > plainSizeMax || header.length !== placeholder.length) {
        throw new AshlarError(
          "REGISTRY_WRITE",
          `Cannot write "${name}": it has ${sizeBytes} bytes, want at most ${plainSizeMax}`,
        );
      }
      this.#writer.patch(header, start);
      this.#writer.write(tarPadding(sizeBytes));
    });
  }

  async #orTakeBack(work: (start: number) => Promise<void>): Promise<void> {
    const start = this.#writer.position;
    try {
      await work(start);
    } catch (error) {
      this.#writer.truncate(start);
      throw error;
    }
  }

  async #writeAll(bytes: AsyncIterable<Uint8Array>): Promise<number> {
    const start = this.#writer.position;
    for await (const piece of bytes) this.#writer.write(piece);
    return this.#writer.position - start;
  }

  commit(): void {
    this.#writer.write(tarEnd);
    this.#writer.commit();
  }

  abort(): void {
    this.#writer.abort();
  }
}

function fileEntry(name: string, sizeBytes: number): Entry {
  return { ...meta, type: "file", path: parsePath(name), mode: 0o644, sizeBytes, content: emptyDigest };
}
