// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf } from "../../base/index.ts";
import { makeTree, type Tree } from "../../formats/index.ts";
import { dir, file, link } from "../../registry/testing/sample-image.ts";
import { readForeignPackages } from "../../pull/index.ts";

/** dpkg's files of a small base, as they should be. */
export const dpkgFiles: Readonly<Record<string, string>> = {
  "var/lib/dpkg/status": "Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1-2\n",
  "var/lib/dpkg/info/dash.list": "/.\n/bin\n/bin/sh\n/usr/share/doc/dash\n",
  "var/lib/dpkg/diversions": "/bin/sh\n/bin/sh.distrib\nbash\n",
  "var/lib/dpkg/status.d/tool": "Package: tool\nArchitecture: all\nVersion: 2\n",
  "var/lib/dpkg/status.d/tool.md5sums": `${"0".repeat(32)}  usr/bin/tool\n`,
};

/** Reads a base with dpkg's files as they should be, but one. */
export function readBaseWith(path: string, bytes: Uint8Array): void {
  const files = Object.entries(dpkgFiles).map(([name, text]) => file(name, name === path ? bytes : text));
  const contents = new Map<Digest, Uint8Array>(files.map(([, content]) => [digestOf(content), content]));
  const system = [
    dir("usr"),
    dir("usr/bin"),
    link("bin", "usr/bin"),
    file("usr/bin/sh", ""),
    file("usr/bin/tool", ""),
  ];
  const tree: Tree = makeTree([...files, ...system].map(([entry]) => entry));
  readForeignPackages(tree, (content) => contents.get(content) ?? new Uint8Array());
}
