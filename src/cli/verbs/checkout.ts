// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError, showPath } from "../../base/index.ts";
import { findImage, lookAtRecord } from "../../build/index.ts";
import { platformChoice } from "../host-platform.ts";
import { type LookOptions } from "../look.ts";
import { openForReading } from "../open-store.ts";
import { parsePlace } from "../place.ts";
import { makeProgress } from "../progress.ts";
import type { Outcome, Shell } from "../shell.ts";

interface CheckoutOptions extends LookOptions {
  readonly copy?: boolean;
}

/** `ashlar checkout IMAGE DIR` */
export async function checkout(
  shell: Shell,
  image: string,
  dir: string,
  options: CheckoutOptions,
): Promise<Outcome> {
  if (parsePlace(image, shell) !== undefined) {
    throw new AshlarError("USAGE_CHECKOUT", `Cannot check out "${image}": only images of the store can be`, {
      hint: "build it with Ashlar, or unpack it with umoci",
    });
  }
  const store = await openForReading(shell, options);
  try {
    const looked = lookAtRecord(store, findImage(store, image), platformChoice(options.platform));
    const mode = options.copy ? "copy" : "link";
    const { skipped } = store.checkout(await looked.tree(), resolve(shell.cwd, dir), { mode });
    const progress = makeProgress(shell, options);
    for (const { path, why } of skipped) progress.warn(`${showPath(path)} was left out: ${why}`);
    const left = skipped.map(({ path, why }) => ({ path: showPath(path), why }));
    return { text: `${dir}\n`, json: { image: looked.digest, dir, mode, skipped: left } };
  } finally {
    store.close();
  }
}
