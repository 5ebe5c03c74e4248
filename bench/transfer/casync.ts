// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Client, Place } from "./client.ts";

/** casync: indexes and one store of chunks of the same trees; the tree held before is the seed. */
export function casync(place: Place): Client {
  const [server, own] = [join(place.filesDir, "casync"), join(place.workshop.dir, "casync")];
  return {
    name: "casync",
    server: place.files,
    missing: () => (existsSync("/usr/bin/casync") ? undefined : "casync is not installed"),
    publish(image) {
      mkdirSync(server, { recursive: true });
      place.workshop.run(["casync", "make", join(server, `${image}.caidx`), place.images.tree(image)]);
    },
    forget() {
      rmSync(own, { recursive: true, force: true });
      mkdirSync(own);
    },
    bring(image, held) {
      const seed = held === undefined ? [] : [`--seed=${join(own, held)}`];
      const from = `http://${place.files.host}/casync/${image}.caidx`;
      return ["casync", "extract", ...seed, from, join(own, image)];
    },
  };
}
