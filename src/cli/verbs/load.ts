// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { findImage } from "../../build/index.ts";
import { loadImage } from "../load-image.ts";
import type { LookOptions } from "../look.ts";
import { openForReading } from "../open-store.ts";
import { parsePlace } from "../place.ts";
import { makeProgress } from "../progress.ts";
import type { Outcome, Shell } from "../shell.ts";

interface LoadOptions extends LookOptions {
  readonly into?: string;
}

/** `ashlar load IMAGE`: the last line is the image's name there. */
export async function load(shell: Shell, image: string, options: LoadOptions): Promise<Outcome> {
  if (parsePlace(image, shell) !== undefined) {
    throw new AshlarError("USAGE_LOAD", `Cannot load "${image}": only images of the store can be`, {
      hint: "podman and docker read archives themselves: podman load --input FILE",
    });
  }
  const store = await openForReading(shell, options);
  const step = makeProgress(shell, options).start("load image");
  try {
    const { platform, into: engine } = options;
    const loaded = await loadImage(shell, { store, record: findImage(store, image), engine, platform });
    step.done(`into ${loaded.engine}`);
    return { text: `${loaded.name}\n`, json: { ...loaded } };
  } finally {
    store.close();
  }
}
