// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../../base/index.ts";
import type { Package } from "../package.ts";
import type { PackageIndex } from "../packages-index.ts";
import type { Relation, RelationGroup } from "../relation.ts";
import { compareVersions } from "../version.ts";
import { isMultiArchSame, matchesProvided, matchesReal } from "./matches.ts";

/** A package name on one architecture, real or virtual. `arch` is "any" for what `name:any` asks for. */
export interface Node {
  readonly key: string;
  readonly name: string;
  readonly arch: string;
  /** Real packages of that name: those of automatic sources, then the others; each highest version first. */
  readonly versions: readonly Version[];
  /** Packages that provide the name, and as which version. */
  readonly providers: readonly { readonly version: Version; readonly as: string | undefined }[];
}

/** One package file that could be chosen; its relations are read when asked for. */
export interface Version {
  readonly package: Package;
  readonly name: string;
  readonly node: Node;
}

/** One relation of a version, bound to the node it points at. */
export interface Target {
  readonly owner: Version | undefined;
  readonly node: Node;
  readonly relation: Relation;
  /** Made by the multi-arch rules and not written in the package. */
  readonly implicit: boolean;
}

/** One or-group of Depends or Pre-Depends. */
export interface Need {
  readonly kind: "Pre-Depends" | "Depends" | "spec" | "base";
  readonly group: RelationGroup;
  readonly targets: readonly Target[];
}

/** One entry of Conflicts or Breaks against one node. */
export interface Clash {
  readonly kind: "Conflicts" | "Breaks";
  readonly target: Target;
}

/** All packages of a request, and who satisfies what. Nodes, versions and relations are made on demand. */
export class Universe {
  readonly architectures: readonly string[];
  readonly native: string;
  /** Names of the sources, in their order, each once. */
  readonly sources: readonly string[];
  readonly #indexes: readonly PackageIndex[];
  readonly #installed: PackageIndex | undefined;
  readonly #notAutomatic: ReadonlySet<string>;
  readonly #nodes = new Map<string, Node>();
  readonly #versions = new Map<Package, Version>();
  readonly #needs = new Map<Version, readonly Need[]>();
  readonly #clashes = new Map<Version, readonly Clash[]>();
  readonly #satisfiers = new Map<Target, readonly Version[]>();
  readonly #provided = new Map<Version, readonly Node[]>();
  readonly #reorder: (group: RelationGroup) => RelationGroup;

  constructor(options: {
    indexes: readonly PackageIndex[];
    native: string;
    foreign: readonly string[];
    notAutomatic?: ReadonlySet<string>;
    /** What is there already: of these names and architectures there is nothing else. */
    installed?: PackageIndex | undefined;
    reorder: (group: RelationGroup) => RelationGroup;
  }) {
    this.#installed = options.installed;
    this.#indexes = options.installed === undefined ? options.indexes : [...options.indexes, options.installed];
    this.#notAutomatic = options.notAutomatic ?? new Set();
    this.native = options.native;
    this.sources = [...new Set(options.indexes.map((index) => index.source))];
    this.architectures = [options.native, ...options.foreign.filter((arch) => arch !== options.native)];
    this.#reorder = options.reorder;
  }

  node(name: string, arch: string): Node {
    const key = `${name}:${arch}`;
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const node: Mutable = { key, name, arch, versions: [], providers: [] };
    this.#nodes.set(key, node);
    // Versions point back at their node, and providers at other nodes: it must be known before.
    node.versions = this.#realVersions(name, arch);
    node.providers = this.#providers(name, arch);
    return node;
  }

  version(item: Package): Version {
    const known = this.#versions.get(item);
    if (known !== undefined) return known;
    const version: { -readonly [K in keyof Version]: Version[K] } = {
      package: item,
      name: item.name,
      node: undefined as never,
    };
    this.#versions.set(item, version);
    version.node = this.node(item.name, this.archOf(item));
    return version;
  }

  /** "all" lives on the native architecture, as in apt. */
  archOf(item: Package): string {
    return item.architecture === "all" ? this.native : item.architecture;
  }

  /** Every package of the sources with this name, whatever its architecture. */
  named(name: string): readonly Package[] {
    return this.#indexes.flatMap((index) => index.named(name)).filter((item) => !this.#isShadowed(item));
  }

  /** Every version that is there already, one a node. */
  installed(): readonly Version[] {
    const items = this.#installed?.packages ?? [];
    return [...new Set(items.flatMap((item) => this.node(item.name, this.archOf(item)).versions))];
  }

  isInstalled(version: Version): boolean {
    return version.package.origin === this.#installed?.source;
  }

  /** Whether another package of this name is there already. */
  #isShadowed(item: Package): boolean {
    if (this.#installed === undefined) return false;
    const arch = this.archOf(item);
    const there = this.#installed.named(item.name).find((other) => this.archOf(other) === arch);
    return there !== undefined && there !== item;
  }

  providersNamed(name: string): readonly Package[] {
    return this.#indexes.flatMap((index) => index.providersOf(name)).filter((item) => !this.#isShadowed(item));
  }

  names(): Iterable<string> {
    return new Set(this.#indexes.flatMap((index) => [...index.names()]));
  }

  /** Or-groups of Pre-Depends, then Depends, in the order of the package. */
  needs(version: Version): readonly Need[] {
    let needs = this.#needs.get(version);
    if (needs === undefined) {
      const { preDepends, depends } = version.package;
      needs = [
        ...preDepends.map((group) => this.bind(version, "Pre-Depends", group)),
        ...depends.map((group) => this.bind(version, "Depends", group)),
      ];
      this.#needs.set(version, needs);
    }
    return needs;
  }

  bind(owner: Version | undefined, kind: Need["kind"], group: RelationGroup): Need {
    const arch = owner?.node.arch ?? this.native;
    const targets = this.#reorder(group).map((relation) => this.#positive(owner, relation, arch));
    return { kind, group, targets };
  }

  #positive(owner: Version | undefined, relation: Relation, arch: string): Target {
    const wanted = relation.archQualifier === "native" ? this.native : relation.archQualifier;
    return { owner, relation, node: this.node(relation.name, wanted ?? arch), implicit: false };
  }

  clashes(version: Version): readonly Clash[] {
    let clashes = this.#clashes.get(version);
    if (clashes === undefined) {
      clashes = [
        ...this.#written(version, "Conflicts", version.package.conflicts),
        ...this.#written(version, "Breaks", version.package.breaks),
        ...this.#betweenArchitectures(version),
      ];
      this.#clashes.set(version, clashes);
    }
    return clashes;
  }

  /** The virtual names a version answers for, its own on other architectures among them. */
  providedNodes(version: Version): readonly Node[] {
    let nodes = this.#provided.get(version);
    if (nodes === undefined) {
      const names = new Set([version.name, ...version.package.provides.flat().map((relation) => relation.name)]);
      const archs = [...this.architectures, ...(version.package.multiArch === "allowed" ? ["any"] : [])];
      const all = [...names].flatMap((name) => archs.map((arch) => this.node(name, arch)));
      nodes = all.filter((node) => node.providers.some((provider) => provider.version === version));
      this.#provided.set(version, nodes);
    }
    return nodes;
  }

  #written(owner: Version, kind: Clash["kind"], groups: readonly RelationGroup[]): Clash[] {
    return groups.flat().flatMap((relation) => {
      const qualifier = relation.archQualifier === "native" ? this.native : relation.archQualifier;
      const archs = qualifier === undefined ? this.architectures : [qualifier];
      return archs.map((arch): Clash => {
        return { kind, target: { owner, relation, node: this.node(relation.name, arch), implicit: false } };
      });
    });
  }

  /** `Multi-Arch: same` packages stand side by side in one version only; others exclude each other. */
  #betweenArchitectures(owner: Version): Clash[] {
    const { name, package: item } = owner;
    const others = this.architectures.filter((arch) => arch !== owner.node.arch);
    return others.map((arch): Clash => {
      const target = { owner, relation: { name }, node: this.node(name, arch), implicit: true };
      return { kind: isMultiArchSame(item) ? "Breaks" : "Conflicts", target };
    });
  }

  /** All versions that satisfy a relation (or are hit by it, where it is a conflict). */
  satisfiers(target: Target, negative: boolean): readonly Version[] {
    let list = this.#satisfiers.get(target);
    if (list === undefined) {
      const real = target.node.versions.filter((version) => matchesReal(target, version, negative));
      const virtual = target.node.providers
        .filter(({ version, as }) => matchesProvided(target, version, as, negative))
        .map(({ version }) => version);
      // Packages that are there already may exclude each other: nobody will change that.
      const isMoot = (version: Version): boolean =>
        negative && target.owner !== undefined && this.isInstalled(target.owner) && this.isInstalled(version);
      list = [...new Set([...real, ...virtual])].filter((version) => !isMoot(version));
      this.#satisfiers.set(target, list);
    }
    return list;
  }

  #realVersions(name: string, arch: string): Version[] {
    const seen = new Set<string>();
    const versions: Version[] = [];
    for (const item of this.named(name)) {
      if (this.archOf(item) !== arch) continue;
      const identity = `${item.version} ${item.architecture} ${item.digest}`;
      if (seen.has(identity)) continue; // the same file in two sources
      seen.add(identity);
      versions.push(this.version(item));
    }
    return versions.sort((a, b) => this.#rank(a) - this.#rank(b) || highestFirst(a, b));
  }

  /** Sources that are not automatic come last, whatever their versions (apt's priority 100). */
  #rank(version: Version): number {
    return this.#notAutomatic.has(version.package.origin) ? 1 : 0;
  }

  #providers(name: string, arch: string): { version: Version; as: string | undefined }[] {
    const out: { version: Version; as: string | undefined }[] = [];
    for (const item of this.named(name)) if (this.#answersFor(item, arch)) out.push(this.#provider(item, item.version));
    for (const item of this.providersNamed(name)) {
      for (const relation of item.provides.flat()) {
        if (relation.name !== name || (relation.version !== undefined && relation.version.op !== "=")) continue;
        if (this.#providesTo(item, relation, arch)) out.push(this.#provider(item, relation.version?.version));
      }
    }
    return out;
  }

  #provider(item: Package, as: string | undefined): { version: Version; as: string | undefined } {
    return { version: this.version(item), as };
  }

  /** Whether a real package answers for its own name on another architecture, or for `name:any`. */
  #answersFor(item: Package, arch: string): boolean {
    const own = this.archOf(item);
    if (!this.architectures.includes(own)) return false;
    if (arch === "any") return item.multiArch === "allowed";
    return own !== arch && item.multiArch === "foreign";
  }

  #providesTo(item: Package, relation: Relation, arch: string): boolean {
    const own = this.archOf(item);
    if (!this.architectures.includes(own)) return false;
    if (relation.archQualifier !== undefined) return relation.archQualifier === arch;
    if (arch === "any") return item.multiArch === "allowed";
    return own === arch || item.multiArch === "foreign";
  }
}

type Mutable = { -readonly [K in keyof Node]: Node[K] };

function highestFirst(a: Version, b: Version): number {
  return (
    compareVersions(b.package.version, a.package.version) || compareOrdinal(a.package.digest, b.package.digest)
  );
}
