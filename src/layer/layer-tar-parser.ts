// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { TarParser, type TarVisitor } from "../formats/index.ts";
import { estargzTocName } from "./estargz-toc.ts";

const blockBytes = 512;

/**
 * Parses the tar of a layer of any writer, which a digest proves whole. The end mark may be missing. Behind it there
 * may be zeros, and one file: a table of contents of eStargz, where a whole tar was wrapped, end mark and all; readers
 * of tar do not see it. Throws as `TarParser`.
 */
export class LayerTarParser {
  readonly #tar: TarParser;
  #index: TarParser | undefined;
  #zeroBytes = 0;

  constructor(visitor: TarVisitor) {
    this.#tar = new TarParser(visitor, { afterEnd: (bytes) => this.#afterEnd(bytes) });
  }

  push(bytes: Uint8Array): void {
    this.#tar.push(bytes);
  }

  finish(): void {
    this.#tar.finish({ endMark: "optional" });
    this.#index?.finish();
  }

  #afterEnd(bytes: Uint8Array): void {
    if (this.#index !== undefined) return this.#index.push(bytes);
    const at = bytes.findIndex((byte) => byte !== 0);
    this.#zeroBytes += at < 0 ? bytes.length : at;
    if (at < 0) return;
    if (this.#zeroBytes % blockBytes > 0) throw trailing();
    this.#index = new TarParser(indexVisitor());
    this.#index.push(bytes.subarray(at));
  }
}

function indexVisitor(): TarVisitor {
  let count = 0;
  return {
    entry: ({ name, type }) => {
      if (name !== estargzTocName || type !== "file" || count++ > 0) throw trailing();
    },
    data: () => {},
    endEntry: () => {},
  };
}

function trailing(): AshlarError {
  const fault = `members follow the end mark, want at most "${estargzTocName}"`;
  return new AshlarError("FORMATS_TAR_TRAILING", `Cannot read tar of a layer: ${fault}`);
}
