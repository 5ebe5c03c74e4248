// SPDX-License-Identifier: Apache-2.0
import { chmodSync, copyFileSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { must } from "./programs.ts";

/** Where programs run: on this machine or in the root of another release, which sees the same paths below /tmp. */
export type RunTool = (program: string, args: readonly string[]) => string;

/** What a maker works with: a directory of its own, and the tar of the root that it puts in an image. */
export interface MakerPlace {
  readonly run: RunTool;
  readonly dir: string;
  readonly tar: string;
}

/** Makes an image in a registry, or an archive, at `to`. */
export interface Maker {
  readonly name: string;
  readonly programs: readonly string[];
  make(place: MakerPlace, to: string): void;
}

/**
 * Makes a small root: a static busybox under several names, modes, owners and a directory of its own. `note` makes
 * its contents unlike those of others: podman would else push again the layers that it has seen in another form.
 */
export function makeSmallRoot(dir: string, note: string): { readonly tree: string; readonly tar: string } {
  const [tree, tar] = [join(dir, "tree"), join(dir, "root.tar")];
  const at = (path: string): string => join(tree, path);
  for (const path of ["bin", "etc", "srv", "tmp"]) mkdirSync(at(path), { recursive: true });
  copyFileSync("/bin/busybox", at("bin/busybox"));
  linkSync(at("bin/busybox"), at("bin/sh"));
  symlinkSync("busybox", at("bin/cat"));
  writeFileSync(at("etc/note"), `${note}\n`);
  writeFileSync(at("srv/empty"), "");
  writeFileSync(at("srv/owned"), "by somebody\n".repeat(5000));
  chmodSync(at("tmp"), 0o1777);
  must("chown", ["-h", "33:34", at("srv/owned")]);
  must("chmod", ["4755", at("bin/busybox")]);
  must("tar", ["-C", tree, "-cf", tar, "--record-size=512", "--sort=name", "--mtime=@0", "--numeric-owner", "."]);
  return { tree, tar };
}

const quiet = ["--tls-verify=false", "--quiet"];

function buildah(form: { readonly manifest: "oci" | "docker"; readonly push: readonly string[] }): Maker["make"] {
  return ({ run, dir, tar }, to) => {
    const own = ["--root", join(dir, "buildah"), "--runroot", join(dir, "buildah-run"), "--storage-driver=vfs"];
    const buildah = (...args: readonly string[]): string => run("buildah", [...own, ...args]).trim();
    const container = buildah("from", "scratch");
    buildah("add", container, tar, "/");
    buildah("config", "--entrypoint", '["/bin/sh"]', "--env", "A=b", container);
    buildah("commit", "--quiet", "--format", form.manifest, container, "localhost/made:1");
    buildah("push", ...quiet, ...form.push, "localhost/made:1", to);
  };
}

/** Podman with a storage of its own. */
export function podmanOf({ run, dir }: MakerPlace): (...args: readonly string[]) => string {
  const own = ["--root", join(dir, "podman"), "--runroot", join(dir, "podman-run"), "--storage-driver=overlay"];
  return (...args) => run("podman", [...own, "--events-backend=file", "--cgroup-manager=cgroupfs", ...args]);
}

function podman(push: readonly string[]): Maker["make"] {
  return (place, to) => {
    const podman = podmanOf(place);
    podman("import", "--quiet", "--change", 'ENTRYPOINT ["/bin/sh"]', place.tar, "localhost/made:1");
    podman("push", ...quiet, ...push, "localhost/made:1", to);
  };
}

function umoci({ run, dir, tar }: MakerPlace, to: string): void {
  const [layout, bundle] = [join(dir, "layout"), join(dir, "bundle")];
  const image = `--image=${layout}:v1`;
  run("umoci", ["init", `--layout=${layout}`]);
  run("umoci", ["new", image]);
  run("umoci", ["unpack", image, bundle]);
  must("tar", ["-C", join(bundle, "rootfs"), "-xpf", tar, "--numeric-owner"]);
  run("umoci", ["repack", image, bundle]);
  run("umoci", ["config", image, "--config.entrypoint=/bin/sh"]);
  rmSync(bundle, { recursive: true });
  const keep = ["--preserve-digests", "--dest-tls-verify=false", "--quiet", "--insecure-policy"];
  run("skopeo", ["copy", ...keep, `oci:${layout}:v1`, to]);
}

const buildahs = ["buildah"];
const zstd = "--compression-format=zstd";

/** Images in a registry by the programs of Debian's bookworm and later; `to` begins with docker://. */
export const makers: readonly Maker[] = [
  { name: "buildah", programs: buildahs, make: buildah({ manifest: "oci", push: [] }) },
  { name: "buildah, docker manifest", programs: buildahs, make: buildah({ manifest: "docker", push: [] }) },
  { name: "buildah, zstd", programs: buildahs, make: buildah({ manifest: "oci", push: [zstd] }) },
  { name: "buildah, plain", programs: buildahs, make: buildah({ manifest: "oci", push: ["--disable-compression"] }) },
  { name: "podman, gzip", programs: ["podman"], make: podman(["--compression-format=gzip"]) },
  { name: "podman, zstd", programs: ["podman"], make: podman([zstd, "--format=oci"]) },
  {
    name: "podman, zstd:chunked",
    programs: ["podman"],
    make: podman(["--compression-format=zstd:chunked", "--format=oci"]),
  },
  { name: "umoci", programs: ["umoci", "skopeo"], make: umoci },
];

function save(kind: string): Maker["make"] {
  return (place, to) => {
    const podman = podmanOf(place);
    podman("import", "--quiet", place.tar, "localhost/made:1");
    podman("save", "--quiet", `--format=${kind}`, "--output", to, "localhost/made:1");
  };
}

/** Archives; `to` is a file. */
export const archiveMakers: readonly (Maker & { readonly kind: "docker-archive" | "oci-archive" })[] = [
  { name: "podman save", kind: "docker-archive", programs: ["podman"], make: save("docker-archive") },
  { name: "podman save", kind: "oci-archive", programs: ["podman"], make: save("oci-archive") },
  {
    name: "buildah push",
    kind: "docker-archive",
    programs: buildahs,
    make: (place, to) => buildah({ manifest: "docker", push: [] })(place, `docker-archive:${to}:localhost/made:1`),
  },
  {
    name: "buildah push",
    kind: "oci-archive",
    programs: buildahs,
    make: (place, to) => buildah({ manifest: "oci", push: [] })(place, `oci-archive:${to}:v1`),
  },
];
