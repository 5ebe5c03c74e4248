// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

import type { Client, Place } from "./client.ts";

/** `ashlar pull` into a store of its own; with `checkout`, also the root file system, as the peers leave one. */
export function ashlar(place: Place, { checkout }: { readonly checkout: boolean }): Client {
  const { ashlar: program, warmStore, dir, run, spec } = place.workshop;
  const store = join(dir, checkout ? "pull-checkout" : "pull");
  const root = `${store}-root`;
  return {
    name: checkout ? "ashlar pull and checkout" : "ashlar pull",
    server: place.registry,
    missing: () => (hasPull(program) ? undefined : "this Ashlar has no pull"),
    publish(image) {
      // The name in the store is that of the form built last: a gzip image may have taken it.
      const form = ["--compression=zstd:chunked", "--frozen", "--offline", "--quiet"];
      run([program, "build", spec(image), ...form, "--store", warmStore]);
      run([program, "push", `bench/${image}`, reference(image), "--quiet", "--store", warmStore]);
    },
    forget() {
      for (const path of [store, root]) rmSync(path, { recursive: true, force: true });
    },
    bring(image) {
      const insecure = place.network.client.length > 0 ? ["--insecure"] : [];
      const name = `bench/${image}`;
      const pull = [program, "pull", reference(image), "--name", name, ...insecure, "--quiet", "--store", store];
      if (!checkout) return pull;
      const then = [program, "checkout", name, join(root, image), "--quiet", "--store", store];
      return ["sh", "-c", `${pull.join(" ")} && ${then.join(" ")}`];
    },
  };

  function reference(image: string): string {
    return `${place.registry.host}/${image}:v1`;
  }
}

function hasPull(program: string): boolean {
  return /^ {2}pull /m.test(String(spawnSync(program, ["--help"]).stdout));
}
