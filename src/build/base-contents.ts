// SPDX-License-Identifier: Apache-2.0
import { type ContentFacts, inspectContent } from "../assemble/index.ts";
import { compareOrdinal, type Digest, limits } from "../base/index.ts";
import type { FileTaker } from "../query/index.ts";
import type { PackWriter, Store } from "../store/index.ts";

/** Brings the files of foreign layers into a pack and looks at what programs and scripts need. */
export class BaseContents {
  readonly #pack: PackWriter;
  readonly #facts = new Map<Digest, ContentFacts>();
  /** ELF files and scripts above one frame: they are looked at once the pack is complete. */
  readonly #large = new Set<Digest>();

  constructor(pack: PackWriter) {
    this.#pack = pack;
  }

  /** Takes the next file; small ones are gathered, large ones go into the pack piece by piece. */
  readonly take = (sizeBytes: number): FileTaker =>
    sizeBytes > limits.frameBytesMax ? this.#takeLarge() : this.#takeSmall();

  #takeSmall(): FileTaker {
    const pieces: Uint8Array[] = [];
    return {
      write: (bytes) => void pieces.push(Uint8Array.from(bytes)),
      end: () => {
        const bytes = Buffer.concat(pieces);
        const { digest } = this.#pack.put(bytes);
        const facts = mayRun(bytes) ? inspectContent(bytes) : undefined;
        if (facts !== undefined) this.#facts.set(digest, facts);
        return digest;
      },
    };
  }

  #takeLarge(): FileTaker {
    const writer = this.#pack.open();
    let head: Uint8Array = new Uint8Array();
    return {
      write: (bytes) => {
        if (head.length < 4) head = Buffer.concat([head, bytes.subarray(0, 4)]);
        writer.write(bytes);
      },
      end: () => {
        const { digest } = writer.end();
        if (mayRun(head)) this.#large.add(digest);
        return digest;
      },
    };
  }

  /** The facts of those contents that are still in the tree, once the pack is in the store. */
  facts(store: Store, contents: ReadonlySet<Digest>): Record<Digest, ContentFacts> {
    const all = [...this.#facts.keys(), ...this.#large].filter((digest) => contents.has(digest));
    const found: Record<Digest, ContentFacts> = {};
    for (const digest of [...new Set(all)].sort(compareOrdinal)) {
      const facts = this.#facts.get(digest) ?? inspectContent(store.read(digest));
      if (facts !== undefined) found[digest] = facts;
    }
    return found;
  }
}

function mayRun(head: Uint8Array): boolean {
  return (head[0] === 0x7f && head[1] === 0x45) || (head[0] === 0x23 && head[1] === 0x21);
}
