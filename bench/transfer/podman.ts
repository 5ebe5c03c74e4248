// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Client, Place } from "./client.ts";
import type { Form } from "./images.ts";

const storage = `[storage]
driver = "overlay"
graphroot = "/mnt/root"
runroot = "/run/containers"
[storage.options.pull_options]
enable_partial_images = "true"
use_hard_links = "true"
`;
const script = join(import.meta.dirname, "../../test/long/pull-apart.sh");

/** Podman 5 of another root (Debian's trixie), with partial pulls and hard links; our images in one form. */
export function podman(place: Place, { root, form }: { readonly root: string; readonly form: Form }): Client {
  const tag = form.replace(":", "-");
  const area = join(place.workshop.dir, `podman-${tag}`);
  for (const name of ["etc", "tmp", "root"]) mkdirSync(join(area, name), { recursive: true });
  writeFileSync(join(area, "etc/storage.conf"), storage);
  writeFileSync(join(area, "etc/policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const apart = ["unshare", "--mount", "sh", script, root, area];
  return {
    name: `podman 5.4, ${form}`,
    server: place.registry,
    missing: () => (existsSync(join(root, "usr/bin/podman")) ? undefined : `no podman in ${root}`),
    publish: (image) => pushLayout(place, image, form),
    forget() {
      rmSync(join(area, "root"), { recursive: true, force: true });
      mkdirSync(join(area, "root"));
    },
    bring: (image) => [...apart, `${place.registry.host}/${image}:${tag}`],
  };
}

/** Puts an image's layout on the registry as it is. */
function pushLayout(place: Place, image: string, form: Form): void {
  const to = `docker://${place.registry.host}/${image}:${form.replace(":", "-")}`;
  const copy = ["skopeo", "copy", "--quiet", "--insecure-policy", "--preserve-digests", "--dest-tls-verify=false"];
  place.workshop.run([...copy, `oci:${place.images.layout(image, form)}:v1`, to]);
}
