// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { openPodman } from "../podman.ts";
import { sourceLine } from "./local-archive.ts";

const script = `set -eu
TRY
apt-get update -qq
apt-get check -qq
apt-get install -y -qq --no-install-recommends less >/dev/null
less --version | head -n 1
test -z "$(dpkg --audit)"
test -z "$(dpkg --verify)"
dpkg-query --show --showformat='\${db:Status-Status}\\n' | sort -u
`;

/**
 * Starts an image, lets it do its work, and installs one package more inside, by apt from a local archive.
 * Returns what was printed; throws when a step fails.
 */
export function tryContainer(
  dir: string,
  { image, name, work, archive }: { image: string; name: string; work: string; archive: string },
): string {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "local.list"), `${sourceLine("/archive", "file")}\n`);
  const podman = openPodman(join(dir, "podman"));
  podman.load(image);
  const mounts = [`${archive}:/archive:ro`, `${join(dir, "local.list")}:/etc/apt/sources.list.d/local.list:ro`];
  return podman.run(name, {
    options: [...mounts.map((mount) => `--volume=${mount}`), "--user=0:0", "--entrypoint="],
    command: ["/bin/sh", "-c", script.replace("TRY", work)],
  });
}
