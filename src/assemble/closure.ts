// SPDX-License-Identifier: Apache-2.0
import picomatch from "picomatch";

import { AshlarError, baseNameOf, compareOrdinal, type ImagePath } from "../base/index.ts";
import type { Entry, FileEntry, Tree } from "../formats/index.ts";
import type { ContentReader } from "./content.ts";
import { type FactsOf, isProgram, missingInterpreter } from "./interpreter.ts";
import { ldSoDirectories } from "./ld-so-conf.ts";
import { LibrarySearch } from "./library-search.ts";
import { type OptionalOf, packageNamesOf } from "./optional-library.ts";
import { PathResolver } from "./path-resolver.ts";

/** A file of the image that needs something the image has not. */
export interface ClosureFault {
  readonly path: ImagePath;
  /** "library": an ELF file's NEEDED; "loader": its dynamic loader; "interpreter": what a script starts with. */
  readonly kind: "library" | "loader" | "interpreter";
  /** The library's name, or a path, or the command that `env` is to find. */
  readonly missing: string;
  /** Who put the file there, e.g. `nginx:amd64`. */
  readonly owner?: string;
  /** A package that has what is missing. */
  readonly likelyPackage?: string;
}

export interface ClosureOptions {
  readonly factsOf: FactsOf;
  readonly contents: ContentReader;
  readonly owners?: ReadonlyMap<ImagePath, string>;
  /** Globs of absolute paths that are not looked at. */
  readonly allow?: readonly string[];
  /** The image's PATH and LD_LIBRARY_PATH where its config sets them. */
  readonly path?: string | undefined;
  readonly libraryPath?: string | undefined;
  /** Names the package of the archive that has a library (by its name) or a path. */
  readonly providerOf?: (missing: string) => string | undefined;
  /** Of `optionalPackages`: a plugin may lack a library that its package only recommends or suggests. */
  readonly optionalOf?: OptionalOf;
}

/**
 * Finds every dependency that nobody declared: the libraries and loader of each ELF file and the interpreter
 * of each script must be in the tree, where the kernel and ld.so look for them. Looks at files that are
 * executable or named like a library. Sorted by path.
 */
export function checkClosure(tree: Tree, options: ClosureOptions): readonly ClosureFault[] {
  const resolver = new PathResolver(tree);
  const extra = [...splitPath(options.libraryPath), ...ldSoDirectories(tree, resolver, options.contents)];
  const search = new LibrarySearch(tree, { resolver, factsOf: options.factsOf, extra });
  const isAllowed = picomatch([...(options.allow ?? [])], { dot: true });
  const faults: ClosureFault[] = [];
  for (const entry of tree) {
    if (!isProgram(entry) && !isLibrary(entry)) continue;
    const found = faultsOf(entry, { resolver, search, options });
    if (found.length > 0 && !isAllowed(`/${entry.path}`)) faults.push(...found);
  }
  return faults;
}

function splitPath(text: string | undefined): readonly string[] {
  return (text ?? "").split(":").filter((dir) => dir.startsWith("/"));
}

function isLibrary(entry: Entry): entry is FileEntry {
  return entry.type === "file" && /\.so(\.|$)/.test(entry.path) && !entry.path.startsWith("usr/lib/debug/");
}

interface Looking {
  readonly resolver: PathResolver;
  readonly search: LibrarySearch;
  readonly options: ClosureOptions;
}

function faultsOf(file: FileEntry, { resolver, search, options }: Looking): readonly ClosureFault[] {
  const facts = options.factsOf(file.content);
  if (facts === undefined) return [];
  const faults: ClosureFault[] = [];
  const say = (kind: ClosureFault["kind"], missing: string): void => {
    faults.push(describe({ path: file.path, kind, missing }, options));
  };
  if (facts.elf !== undefined) {
    const loader = facts.elf.interpreter;
    if (loader !== undefined && resolver.resolve(loader)?.type !== "file") say("loader", loader);
    const isPlugin = loader === undefined;
    for (const name of search.missing(file, facts.elf))
      if (!isPlugin || !isOptional(name, file, options)) say("library", name);
  }
  if (facts.shebang !== undefined && isProgram(file)) {
    const missing = missingInterpreter(facts.shebang, resolver, options.path);
    if (missing !== undefined) say("interpreter", missing);
  }
  return faults;
}

/** Debian declares by Recommends or Suggests that a plugin works only where its library is installed too. */
function isOptional(library: string, file: FileEntry, { owners, optionalOf, providerOf }: ClosureOptions): boolean {
  const owner = owners?.get(file.path);
  if (owner === undefined || optionalOf === undefined) return false;
  const optional = optionalOf(owner);
  const provider = providerOf?.(library);
  return [...packageNamesOf(library), ...(provider === undefined ? [] : [provider])].some((name) => optional.has(name));
}

function describe(fault: ClosureFault, { owners, providerOf }: ClosureOptions): ClosureFault {
  const owner = owners?.get(fault.path);
  const likelyPackage = providerOf?.(fault.missing) ?? guessPackage(fault.missing);
  return {
    ...fault,
    ...(owner === undefined ? {} : { owner }),
    ...(likelyPackage === undefined ? {} : { likelyPackage }),
  };
}

/** Where no archive index is at hand: the interpreters and libraries that are missed most. */
function guessPackage(missing: string): string | undefined {
  const name = baseNameOf(missing as ImagePath);
  const python = /^python3\.\d+$/.test(name) ? `${name}-minimal` : undefined;
  return python ?? (Object.hasOwn(guesses, name) ? guesses[name] : packageNamesOf(name)[0]);
}

const guesses: Readonly<Record<string, string>> = {
  awk: "mawk",
  bash: "bash",
  env: "coreutils",
  "ld-linux-aarch64.so.1": "libc6",
  "ld-linux-x86-64.so.2": "libc6",
  "libc.so.6": "libc6",
  "libgcc_s.so.1": "libgcc-s1",
  "libm.so.6": "libc6",
  "libstdc++.so.6": "libstdc++6",
  node: "nodejs",
  perl: "perl-base",
  python3: "python3-minimal",
  ruby: "ruby",
  sed: "sed",
  sh: "dash",
};

const shownMax = 20;

/** Throws `ASSEMBLE_CLOSURE` that lists the faults with what to do about them; nothing where there are none. */
export function verifyClosure(faults: readonly ClosureFault[]): void {
  const [first] = faults;
  if (first === undefined) return;
  const because = faults.slice(0, shownMax).map(showFault);
  if (faults.length > shownMax) because.push(`and ${faults.length - shownMax} more`);
  const count = faults.length === 1 ? "a file needs" : `${faults.length} files need`;
  const message = `Cannot finish the image: ${count} what is not in it, want everything that is used to be declared`;
  throw new AshlarError("ASSEMBLE_CLOSURE", message, { because, hint: hintFor(faults), details: { faults } });
}

/** One fault in a line, as errors and warnings show it. */
export function showFault({ path, kind, missing, owner, likelyPackage }: ClosureFault): string {
  const from =
    owner === undefined ? "" : ` of ${owner.startsWith("@") ? owner.slice(1) : `package ${owner.split(":")[0]}`}`;
  const provider = likelyPackage === undefined ? "" : `, likely of package ${likelyPackage}`;
  return `/${path}${from} needs the ${kind} ${missing}${provider}`;
}

function hintFor(faults: readonly ClosureFault[]): string {
  const packages = new Set<string>();
  for (const fault of faults) if (fault.likelyPackage !== undefined) packages.add(fault.likelyPackage);
  const parts: string[] = [];
  if (packages.size > 0) parts.push(`add ${[...packages].sort(compareOrdinal).join(", ")} to \`system.packages\``);
  if (faults.some((fault) => fault.kind === "interpreter")) parts.push("add scripts to `system.strip`");
  parts.push("name the files in `expect.closureAllow`, or set `expect.closure: warn`");
  return parts.join("; or ");
}
