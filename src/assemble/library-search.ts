// SPDX-License-Identifier: Apache-2.0
import { baseNameOf } from "../base/index.ts";
import type { ElfInfo, FileEntry, Tree } from "../formats/index.ts";
import type { FactsOf } from "./interpreter.ts";
import { directoryOf, type PathResolver } from "./path-resolver.ts";

/** Debian's multiarch tuples by ELF class and machine; ld.so searches their directories. (ld.so(8), Debian wiki) */
const tuples: Readonly<Record<string, readonly string[]>> = {
  "32/3": ["i386-linux-gnu"],
  "32/8": ["mipsel-linux-gnu", "mips-linux-gnu"],
  "32/40": ["arm-linux-gnueabihf", "arm-linux-gnueabi"],
  "32/62": ["x86_64-linux-gnux32"],
  "64/8": ["mips64el-linux-gnuabi64"],
  "64/21": ["powerpc64le-linux-gnu", "powerpc64-linux-gnu"],
  "64/22": ["s390x-linux-gnu"],
  "64/62": ["x86_64-linux-gnu"],
  "64/183": ["aarch64-linux-gnu"],
  "64/243": ["riscv64-linux-gnu"],
  "64/258": ["loongarch64-linux-gnu"],
};

/** Finds shared libraries as the dynamic loader would, without running it. */
export class LibrarySearch {
  readonly #resolver: PathResolver;
  readonly #factsOf: FactsOf;
  /** Directories beside the defaults: LD_LIBRARY_PATH, and those of ld.so.conf where there is an ld.so.cache. */
  readonly #extra: readonly string[];
  readonly #known = new Map<string, boolean>();
  /** `ABI name` of every library of the image, by file name and by soname. */
  readonly #anywhere = new Set<string>();

  constructor(
    tree: Tree,
    { resolver, factsOf, extra }: { resolver: PathResolver; factsOf: FactsOf; extra: readonly string[] },
  ) {
    this.#resolver = resolver;
    this.#factsOf = factsOf;
    this.#extra = extra;
    for (const entry of tree) this.#addAnywhere(entry.type === "file" ? entry : undefined);
  }

  #addAnywhere(file: FileEntry | undefined): void {
    const elf = file === undefined ? undefined : this.#factsOf(file.content)?.elf;
    if (file === undefined || elf === undefined) return;
    this.#anywhere.add(`${abiOf(elf)} ${baseNameOf(file.path)}`);
    if (elf.soname !== undefined) this.#anywhere.add(`${abiOf(elf)} ${elf.soname}`);
  }

  /** The libraries that a file needs and nobody would find. */
  missing(file: FileEntry, elf: ElfInfo): readonly string[] {
    return elf.needed.filter((name) => !this.#finds(name, file, elf));
  }

  #finds(name: string, file: FileEntry, elf: ElfInfo): boolean {
    if (name.includes("/")) return this.#isLibrary(name, abiOf(elf));
    if (this.#findsInDefaults(name, elf)) return true;
    const directories = [...elf.rpath, ...elf.runpath].flatMap((dir) => expand(dir, file, elf));
    if (directories.some((dir) => this.#isLibrary(`${dir}/${name}`, abiOf(elf)))) return true;
    // A library is loaded by a program that may have loaded the other one before, or found it by its own path.
    return elf.interpreter === undefined && this.#anywhere.has(`${abiOf(elf)} ${name}`);
  }

  #findsInDefaults(name: string, elf: ElfInfo): boolean {
    const key = `${abiOf(elf)} ${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = [...this.#extra, ...defaultDirectories(elf)].some((dir) =>
      this.#isLibrary(`${dir}/${name}`, abiOf(elf)),
    );
    this.#known.set(key, found);
    return found;
  }

  /** ld.so passes over files of another class or machine. */
  #isLibrary(path: string, abi: string): boolean {
    const entry = this.#resolver.resolve(path);
    const elf = entry?.type === "file" ? this.#factsOf(entry.content)?.elf : undefined;
    return elf !== undefined && abiOf(elf) === abi;
  }
}

function abiOf(elf: ElfInfo): string {
  return `${elf.class}/${elf.machine}`;
}

function defaultDirectories(elf: ElfInfo): readonly string[] {
  const names = tuples[abiOf(elf)] ?? [];
  const musl = names.map((name) => name.replace(/-gnu.*$/, "-musl"));
  return [...names, ...musl].flatMap((name) => [`/lib/${name}`, `/usr/lib/${name}`]).concat("/lib", "/usr/lib");
}

/** $ORIGIN and $LIB of an RPATH or RUNPATH; a relative directory depends on where the program runs: passed over. */
function expand(directory: string, file: FileEntry, elf: ElfInfo): readonly string[] {
  const origin = `/${directoryOf(file.path)}`;
  const withOrigin = directory.replace(/\$(ORIGIN|\{ORIGIN\})/g, origin);
  const libs = (tuples[abiOf(elf)] ?? ["lib"]).map((name) => `lib/${name}`);
  const all = /\$(LIB|\{LIB\})/.test(withOrigin)
    ? libs.map((lib) => withOrigin.replace(/\$(LIB|\{LIB\})/g, lib))
    : [withOrigin];
  return all.filter((dir) => dir.startsWith("/"));
}
