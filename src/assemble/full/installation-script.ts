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

/** The command of every run: its text is a file, which may be longer than an argument. */
export const runCommand: readonly string[] = ["/bin/sh", "-eu", `/${runDir}/script`];

const setSelections = `debconf-set-selections /${runDir}/selections`;

export interface RunFiles {
  /** What the shell reads. */
  readonly script: string;
  /** Packages whose preinst it runs: their control files are there. */
  readonly preinsts: readonly DescribedPackage[];
  /** For `debconf-set-selections`. */
  readonly selections: string | undefined;
}

/** The entries that one run needs beside the root. */
export function runEntries({ script, preinsts, selections }: RunFiles, contents: Contents): readonly Entry[] {
  const entries: Entry[] = [plainDirectory(parsePath(runDir)), ...stubs(contents)];
  preinsts.forEach((item, i) => {
    entries.push(plainDirectory(parsePath(`${runDir}/${i}`)));
    for (const [name, digest] of item.control) {
      const path = parsePath(`${runDir}/${i}/${name}`);
      const sizeBytes = contents.read(digest).length;
      // debconf runs the config script before the preinst.
      const mode = name === "preinst" || name === "config" ? 0o755 : 0o644;
      entries.push({ mode, uid: 0, gid: 0, mtimeSeconds: 0, type: "file", path, content: digest, sizeBytes });
    }
  });
  const put = (name: string, text: string): void =>
    void entries.push(fileEntry(parsePath(`${runDir}/${name}`), Buffer.from(text, "utf8"), contents));
  put("script", script);
  if (selections !== undefined) put("selections", selections);
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

/** The script of a run of preinsts alone, which may ask questions too. */
export function preinstScript(preinsts: readonly DescribedPackage[], hasSelections: boolean): string {
  const answer = `if command -v debconf-set-selections >/dev/null; then ${setSelections}; fi\n`;
  return `${hasSelections ? answer : ""}${preinstText(preinsts)}`;
}

/** Runs preinsts in order, each as dpkg does (`preinst install`). */
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

/** The script that configures unpacked packages and processes all triggers. */
export function configureScript({ preinsts, packages, hasSelections }: ConfigureOptions): string {
  const names = packages.map(({ locked }) => dpkgName(locked)).join(" ");
  return [
    preinsts.length === 0 ? "" : preinstText(preinsts),
    hasSelections ? setSelections : "",
    `exec dpkg --log=/dev/null --force-unsafe-io --force-confdef --force-confold --triggers --configure ${names}`,
    "",
  ].join("\n");
}

/** dpkg takes the architecture of every package that has one. */
function dpkgName({ name, architecture }: DescribedPackage["locked"]): string {
  return architecture === "all" ? name : `${name}:${architecture}`;
}
