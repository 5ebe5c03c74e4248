// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";

import { must } from "../../test/programs.ts";

/** Keeps a copy of a directory; what is returned makes the directory what it was. */
export function keepStill(dir: string): () => void {
  const still = `${dir}.still`;
  rmSync(still, { recursive: true, force: true });
  must("cp", ["-a", dir, still]);
  return () => {
    rmSync(dir, { recursive: true });
    must("cp", ["-a", still, dir]);
  };
}
