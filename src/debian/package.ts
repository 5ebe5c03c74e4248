// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestFromHex } from "../base/index.ts";
import { field, type Stanza } from "./control.ts";
import { parseRelations, type RelationGroup } from "./relation.ts";
import { parseVersion } from "./version.ts";

export type MultiArch = "no" | "same" | "foreign" | "allowed";

/** One binary package of an archive, as its package index describes it. Relations are parsed when asked for. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** "amd64", ..., or "all". */
  readonly architecture: string;
  readonly multiArch: MultiArch;
  readonly essential: boolean;
  /** `Important: yes`; older: `Protected: yes`. */
  readonly important?: boolean;
  /** "required", "important", "standard", "optional", "extra", or "" where absent. */
  readonly priority: string;
  readonly section: string;
  readonly sourceName: string;
  readonly sourceVersion: string;
  /** Path below the archive's base address: relative, without `..`. */
  readonly filename: string;
  readonly sizeBytes: number;
  /** Of the .deb. */
  readonly digest: Digest;
  readonly installedSizeKiB: number;
  readonly depends: readonly RelationGroup[];
  readonly preDepends: readonly RelationGroup[];
  readonly recommends: readonly RelationGroup[];
  readonly conflicts: readonly RelationGroup[];
  readonly breaks: readonly RelationGroup[];
  readonly provides: readonly RelationGroup[];
  readonly replaces: readonly RelationGroup[];
  /** Name of the source (archive) that lists it. */
  readonly origin: string;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,254}$/;
const architecturePattern = /^[a-z0-9][a-z0-9-]{0,63}$/;

/**
 * Makes a package of a stanza of a package index. Throws `DEBIAN_PACKAGE_INVALID` naming the field, and
 * `DEBIAN_RELATION_INVALID` when a malformed relation is asked for. Source: Debian Policy §5.
 */
export function packageFromStanza(stanza: Stanza, origin: string): Package {
  return new StanzaPackage(stanza, origin);
}

class StanzaPackage implements Package {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly multiArch: MultiArch;
  readonly essential: boolean;
  readonly important: boolean;
  readonly priority: string;
  readonly section: string;
  readonly sourceName: string;
  readonly sourceVersion: string;
  readonly filename: string;
  readonly sizeBytes: number;
  readonly digest: Digest;
  readonly installedSizeKiB: number;
  readonly origin: string;
  readonly #stanza: Stanza;
  readonly #relations = new Map<string, readonly RelationGroup[]>();

  constructor(stanza: Stanza, origin: string) {
    const read = new FieldReader(stanza);
    this.name = read.matching("Package", namePattern);
    this.version = read.version();
    this.architecture = read.matching("Architecture", architecturePattern);
    this.multiArch = read.multiArch();
    this.essential = read.isYes("Essential");
    this.important = read.isYes("Important") || read.isYes("Protected");
    this.priority = read.optional("Priority");
    this.section = read.optional("Section");
    const source = read.source(this.name, this.version);
    this.sourceName = source.name;
    this.sourceVersion = source.version;
    this.filename = read.filename();
    this.sizeBytes = read.count("Size", read.required("Size"));
    this.digest = read.digest();
    this.installedSizeKiB = read.count("Installed-Size", read.optional("Installed-Size") || "0");
    this.origin = origin;
    this.#stanza = stanza;
  }

  get depends(): readonly RelationGroup[] {
    return this.#relation("Depends");
  }
  get preDepends(): readonly RelationGroup[] {
    return this.#relation("Pre-Depends");
  }
  get recommends(): readonly RelationGroup[] {
    return this.#relation("Recommends");
  }
  get conflicts(): readonly RelationGroup[] {
    return this.#relation("Conflicts");
  }
  get breaks(): readonly RelationGroup[] {
    return this.#relation("Breaks");
  }
  get provides(): readonly RelationGroup[] {
    return this.#relation("Provides");
  }
  get replaces(): readonly RelationGroup[] {
    return this.#relation("Replaces");
  }

  #relation(name: string): readonly RelationGroup[] {
    let groups = this.#relations.get(name);
    if (groups === undefined) {
      groups = parseRelations(field(this.#stanza, name) ?? "");
      this.#relations.set(name, groups);
    }
    return groups;
  }
}

/** Reads fields of one stanza; its errors name the package and the field. */
class FieldReader {
  readonly #stanza: Stanza;

  constructor(stanza: Stanza) {
    this.#stanza = stanza;
  }

  optional(name: string): string {
    return field(this.#stanza, name) ?? "";
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === "") throw this.#invalid(name, "it is missing");
    return value;
  }

  matching(name: string, pattern: RegExp): string {
    const value = this.required(name);
    if (!pattern.test(value)) throw this.#invalid(name, `${quote(value)} is not allowed`);
    return value;
  }

  isYes(name: string): boolean {
    return this.optional(name) === "yes";
  }

  version(): string {
    const value = this.required("Version");
    parseVersion(value);
    return value;
  }

  count(name: string, value: string): number {
    if (!/^[0-9]{1,15}$/.test(value)) throw this.#invalid(name, `${quote(value)} is not a number`);
    return Number(value);
  }

  digest(): Digest {
    const value = this.required("SHA256").toLowerCase();
    if (!/^[0-9a-f]{64}$/.test(value)) throw this.#invalid("SHA256", `${quote(value)} is not 64 hex digits`);
    return digestFromHex(value);
  }

  multiArch(): MultiArch {
    const value = this.optional("Multi-Arch") || "no";
    if (value === "no" || value === "same" || value === "foreign" || value === "allowed") return value;
    throw this.#invalid("Multi-Arch", `${quote(value)} is none of no, same, foreign, allowed`);
  }

  /** `Source: name (version)`; absent: as the package itself. */
  source(name: string, version: string): { readonly name: string; readonly version: string } {
    const value = this.optional("Source");
    if (value === "") return { name, version };
    const match = /^([A-Za-z0-9][A-Za-z0-9+._-]{0,254})(?: +\(([A-Za-z0-9.+~:-]{1,1024})\))?$/.exec(value);
    if (match === null) throw this.#invalid("Source", `${quote(value)} is not "name (version)"`);
    return { name: match[1] as string, version: match[2] ?? version };
  }

  filename(): string {
    const value = this.required("Filename");
    if (isArchivePath(value)) return value;
    throw this.#invalid("Filename", `${quote(value)} is no path inside the archive`);
  }

  #invalid(name: string, fault: string): AshlarError {
    const who = field(this.#stanza, "Package") ?? "";
    const message = `Cannot use package ${quote(who)}: field "${name}", ${fault}`;
    return new AshlarError("DEBIAN_PACKAGE_INVALID", message, { details: { field: name } });
  }
}

/**
 * Tells whether a path of a Release file or of Filename stays below the archive's address: relative, no scheme,
 * no `..`, nothing that a URL gives a meaning to.
 */
export function isArchivePath(path: string): boolean {
  if (path.length > 1024 || !/^[A-Za-z0-9._+~@=,()!:-][A-Za-z0-9._+~@=,()!:/-]*$/.test(path)) return false;
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\//.test(path)) return false;
  // Flat archives write Filename as "./name.deb".
  const parts = path.split("/");
  return parts.every((part, at) => part !== "" && part !== ".." && (part !== "." || at === 0));
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
