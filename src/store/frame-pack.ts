// SPDX-License-Identifier: Apache-2.0
import type { Compressor } from "../formats/index.ts";
import type { PackBuilder } from "./pack-builder.ts";
import type { FramePackWriter } from "./store.ts";

/** Names a compressor whose frames are only taken over. */
export function madeElsewhere(id: string): Compressor {
  return {
    id,
    compress: () => {
      throw new Error("internal error: this pack compresses nothing");
    },
  };
}

/** The side of a builder that takes frames only. */
export function framePack(builder: PackBuilder): FramePackWriter {
  return { open: () => builder.openFrames(), commit: () => builder.commit(), abort: () => builder.abort() };
}
