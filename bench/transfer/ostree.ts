// SPDX-License-Identifier: Apache-2.0
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Client, Place } from "./client.ts";

/** ostree: commits of the same trees in an archive, pulled into a bare repository. */
export function ostree(place: Place): Client {
  const [server, own] = [join(place.filesDir, "ostree"), join(place.workshop.dir, "ostree")];
  const run = (repo: string, ...args: readonly string[]): string =>
    place.workshop.run(["ostree", `--repo=${repo}`, ...args]);
  return {
    name: "ostree",
    server: place.files,
    missing: () => (existsSync("/usr/bin/ostree") ? undefined : "ostree is not installed"),
    publish(image) {
      if (!existsSync(server)) run(server, "init", "--mode=archive");
      run(server, "commit", `--branch=${image}`, `--tree=dir=${place.images.tree(image)}`, "--timestamp=@0");
    },
    forget() {
      rmSync(own, { recursive: true, force: true });
      run(own, "init", "--mode=bare");
      run(own, "remote", "add", "--no-gpg-verify", "origin", `http://${place.files.host}/ostree`);
    },
    bring: (image) => ["ostree", `--repo=${own}`, "pull", "origin", image],
  };
}
