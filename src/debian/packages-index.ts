// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../base/index.ts";
import { parseControl } from "./control.ts";
import { FirstMention } from "./first-mention.ts";
import { type Package, packageFromStanza } from "./package.ts";
import { type PackagesScan, scanPackages } from "./packages-scan.ts";

/**
 * The packages of one index file. A stanza is parsed when its package is asked for, so every method can throw
 * `DEBIAN_PACKAGE_INVALID`, `DEBIAN_CONTROL_INVALID`, `DEBIAN_VERSION_INVALID`, or
 * `DEBIAN_PACKAGE_DUPLICATE` where two stanzas of one name, version and architecture name different files.
 */
export interface PackageIndex {
  /** Name of the source that it is of. */
  readonly source: string;
  /** The architecture that it was fetched for; its packages are of this one or "all". */
  readonly architecture: string;
  /** All packages in the order of the file; parses every stanza: avoid it where a name is known. */
  readonly packages: readonly Package[];
  /** Packages of this very name, in the order of the file. */
  named(name: string): readonly Package[];
  /** Packages that have this name in Provides, in the order of the file. */
  providersOf(name: string): readonly Package[];
  /** Every package name once, without parsing stanzas. */
  names(): Iterable<string>;
  /** Packages that are essential, important (protected), or of priority "required". */
  readonly basePackages: readonly Package[];
  /**
   * Where a name is mentioned first, as a package or in a relation: a text that orders (by code unit) like the
   * place in the archive's own order, whatever the order of this file. The solver's last tie-break.
   */
  firstMention(name: string): string;
}

/**
 * Indexes a Packages file of some 60,000 stanzas by one pass over its bytes, which stay in use. Throws
 * `DEBIAN_INDEX_INVALID` where a stanza has no name or the file is above `limits.indexBytesMax`.
 * Source: Debian repository format, "Packages" indices.
 */
export function parsePackages(
  bytes: Uint8Array,
  { architecture, source }: { readonly architecture: string; readonly source: string },
): PackageIndex {
  if (bytes.length > limits.indexBytesMax) {
    const message = `Cannot read package index of source "${source}": it is larger than ${limits.indexBytesMax} bytes`;
    throw new AshlarError("DEBIAN_INDEX_INVALID", message);
  }
  return new ScannedIndex(bytes, { architecture, source });
}

class ScannedIndex implements PackageIndex {
  readonly source: string;
  readonly architecture: string;
  readonly #bytes: Buffer;
  readonly #scan: PackagesScan;
  readonly #named = new Map<string, readonly Package[]>();
  /** Which package each stanza that was looked at stands for. */
  readonly #byStanza = new Map<number, Package>();
  #stanzasByProvided: ReadonlyMap<string, readonly number[]> | undefined;
  #mentions: FirstMention | undefined;

  constructor(
    bytes: Uint8Array,
    { architecture, source }: { readonly architecture: string; readonly source: string },
  ) {
    this.source = source;
    this.architecture = architecture;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#scan = scanPackages(this.#bytes, source);
  }

  get packages(): readonly Package[] {
    return this.#packagesOf(this.#scan.starts.keys());
  }

  get basePackages(): readonly Package[] {
    const candidates = this.#packagesOf(this.#scan.base);
    return candidates.filter((item) => item.essential || item.important === true || item.priority === "required");
  }

  names(): Iterable<string> {
    return this.#scan.stanzasByName.keys();
  }

  named(name: string): readonly Package[] {
    let list = this.#named.get(name);
    if (list === undefined) {
      const stanzas = this.#scan.stanzasByName.get(name);
      // Names that are not there are asked for without bound, so they are not remembered.
      if (stanzas === undefined) return [];
      list = this.#parseAll(name, typeof stanzas === "number" ? [stanzas] : stanzas);
      this.#named.set(name, list);
    }
    return list;
  }

  providersOf(name: string): readonly Package[] {
    this.#stanzasByProvided ??= this.#indexProvides();
    return this.#packagesOf(this.#stanzasByProvided.get(name) ?? []);
  }

  firstMention(name: string): string {
    this.#mentions ??= new FirstMention(this.#bytes, this.#scan);
    return this.#mentions.of(name);
  }

  /** Each package once. Goes through the name, so that duplicates are seen whatever the way to a package. */
  #packagesOf(stanzas: Iterable<number>): Package[] {
    const found = new Set<Package>();
    for (const stanza of stanzas) {
      if (!this.#byStanza.has(stanza)) this.named(this.#scan.names[stanza] as string);
      found.add(this.#byStanza.get(stanza) as Package);
    }
    return [...found];
  }

  #parseAll(name: string, stanzas: readonly number[]): readonly Package[] {
    const seen = new Map<string, Package>();
    for (const stanza of stanzas) {
      const item = this.#parse(name, stanza);
      const identity = `${item.version} ${item.architecture}`;
      const twin = seen.get(identity);
      if (twin === undefined) seen.set(identity, item);
      else if (twin.digest !== item.digest || twin.sizeBytes !== item.sizeBytes) throw duplicate(twin, item);
      this.#byStanza.set(stanza, twin ?? item);
    }
    return [...seen.values()];
  }

  #parse(name: string, stanza: number): Package {
    const bytes = this.#bytes.subarray(this.#scan.starts[stanza], this.#scan.ends[stanza]);
    const [fields, ...rest] = parseControl(bytes);
    if (fields === undefined || rest.length > 0) throw new Error("internal error: a stanza is one stanza");
    const item = packageFromStanza(fields, this.source);
    // White space that is not ASCII around the name: nobody can mean that.
    if (item.name !== name) throw invalidName(name, this.source);
    return item;
  }

  #indexProvides(): ReadonlyMap<string, readonly number[]> {
    const byProvided = new Map<string, number[]>();
    for (const { stanza, from, to } of this.#scan.provides) {
      for (const item of this.#bytes.toString("latin1", from, to).split(",")) {
        const name = /^\s*([^\s:(]+)/.exec(item)?.[1];
        if (name === undefined) continue;
        const list = byProvided.get(name);
        if (list === undefined) byProvided.set(name, [stanza]);
        else list.push(stanza);
      }
    }
    return byProvided;
  }
}

function duplicate(a: Package, b: Package): AshlarError {
  const what = `"${a.name}" ${a.version} ${a.architecture}`;
  const message = `Cannot use package ${what} of source "${a.origin}": it is listed twice with different files`;
  return new AshlarError("DEBIAN_PACKAGE_DUPLICATE", message, {
    because: [`${a.filename} ${a.digest}`, `${b.filename} ${b.digest}`],
  });
}

function invalidName(name: string, source: string): AshlarError {
  const shown = JSON.stringify(name.slice(0, 100));
  const message = `Cannot use package ${shown} of source "${source}": its name is not allowed`;
  return new AshlarError("DEBIAN_PACKAGE_INVALID", message);
}
