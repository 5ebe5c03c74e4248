// SPDX-License-Identifier: Apache-2.0
import { parsePath } from "../../base/index.ts";
import type { Entry } from "../../formats/index.ts";
import type { Contents } from "../content.ts";
import { fileEntry } from "../generated-entry.ts";
import { plainDirectory } from "../parents.ts";
import type { DescribedPackage } from "./describe-package.ts";
import { adminDir } from "./database-input.ts";

/** Where scripts' files of the run lie; gone afterwards. */
const runDir = `${adminDir}/ashlar`;
/** Where dpkg has a package's control files while its preinst runs; debconf looks there. */
const controlDir = `${adminDir}/tmp.ci`;

/** Tells whether a path is there for a run alone. */
export function isOfRun(path: string): boolean {
  return [runDir, controlDir].some((dir) => path === dir || path.startsWith(`${dir}/`));
}

/** The entries that one run needs beside the root: control files of packages with a preinst, and stubs. */
export function runEntries(
  preinsts: readonly DescribedPackage[],
  selections: string | undefined,
  contents: Contents,
): readonly Entry[] {
  const entries: Entry[] = [plainDirectory(parsePath(runDir)), ...stubs(contents)];
  preinsts.forEach((item, i) => {
    entries.push(plainDirectory(parsePath(`${runDir}/${i}`)));
    for (const [name, digest] of item.control) {
      const path = parsePath(`${runDir}/${i}/${name}`);
      const sizeBytes = contents.read(digest).length;
      // debconf runs the config script before the preinst.
      const meta = { mode: name === "preinst" || name === "config" ? 0o755 : 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
      entries.push({ ...meta, type: "file", path, content: digest, sizeBytes });
    }
  });
  if (selections !== undefined) {
    entries.push(fileEntry(parsePath(`${runDir}/selections`), Buffer.from(selections, "utf8"), contents));
  }
  return entries;
}

/** Programs that must not start or stop services while packages are configured (Debian's policy-rc.d). */
export const stubPaths = ["usr/sbin/policy-rc.d", "usr/sbin/start-stop-daemon"] as const;

function stubs(contents: Contents): readonly Entry[] {
  const texts = ["#!/bin/sh\nexit 101\n", "#!/bin/sh\nexit 0\n"];
  return stubPaths.map((path, i) => {
    const entry = fileEntry(parsePath(path), Buffer.from(texts[i] as string, "utf8"), contents);
    return { ...entry, mode: 0o755 };
  });
}

/** The command that runs preinsts in order, each as dpkg does (`preinst install`). */
export function preinstCommand(preinsts: readonly DescribedPackage[]): readonly string[] {
  return ["/bin/sh", "-eu", "-c", preinstText(preinsts)];
}

function preinstText(preinsts: readonly DescribedPackage[]): string {
  const lines = preinsts.map(({ locked }, i) => `preinst ${i} ${locked.name} ${locked.architecture}`);
  return [
    "preinst() {",
    `  ln -s ashlar/$1 /${controlDir}`,
    `  DPKG_MAINTSCRIPT_NAME=preinst DPKG_MAINTSCRIPT_PACKAGE=$2 DPKG_MAINTSCRIPT_ARCH=$3 \\`,
    `  DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_ADMINDIR=/${adminDir} DPKG_ROOT= \\`,
    `  /${controlDir}/preinst install || { code=$?; echo "ashlar: preinst of $2 failed: $code" >&2; exit $code; }`,
    `  rm /${controlDir}`,
    "}",
    ...lines,
    "",
  ].join("\n");
}

export interface ConfigureOptions {
  /** Run first, in the same run: those of a new system. */
  readonly preinsts: readonly DescribedPackage[];
  /** In the order of configuration. */
  readonly packages: readonly DescribedPackage[];
  readonly hasSelections: boolean;
}

/** The command that configures unpacked packages and processes all triggers. */
export function configureCommand({ preinsts, packages, hasSelections }: ConfigureOptions): readonly string[] {
  const names = packages.map(({ locked }) => dpkgName(locked)).join(" ");
  const text = [
    preinsts.length === 0 ? "" : preinstText(preinsts),
    hasSelections ? `debconf-set-selections /${runDir}/selections` : "",
    `exec dpkg --log=/dev/null --force-unsafe-io --force-confdef --force-confold --triggers --configure ${names}`,
    "",
  ].join("\n");
  return ["/bin/sh", "-eu", "-c", text];
}

/** dpkg takes the architecture of every package that has one. */
function dpkgName({ name, architecture }: DescribedPackage["locked"]): string {
  return architecture === "all" ? name : `${name}:${architecture}`;
}
