// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { type AptSource, type AptSourcesFile, parseAptSources } from "./apt-sources.ts";

/** One archive as the spec names it; the same shape as the document's `SourceDocument`. */
export interface ArchiveSource {
  readonly name: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Base address of a third party; absent for Debian's own archives. */
  readonly uri?: string;
  readonly archive?: "main" | "security";
  readonly signedBy?: string;
}

/** An address below which an archive's `dists` and `pool` lie. */
export interface Mirror {
  /** http, https or file; ends in "/". */
  readonly base: string;
  readonly origin: "spec" | "settings" | "host" | "snapshot";
}

/** Where archives are looked for: configuration, never part of a lock. Every value comes from the caller. */
export interface MirrorSettings {
  /** `ASHLAR_MIRROR`: base addresses of Debian's main archive, separated by white space, best first. */
  readonly mirror?: string | undefined;
  /** `ASHLAR_SECURITY_MIRROR`; without it the sibling `BASE-security` of each mirror. */
  readonly securityMirror?: string | undefined;
  /** `ASHLAR_SNAPSHOT`: base address of a snapshot service, asked last. */
  readonly snapshot?: string | undefined;
  /** Replaces addresses: a third party's `uri` to the addresses to ask instead of it. */
  readonly replace?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The host's own apt configuration. */
  readonly hostSources?: readonly AptSourcesFile[] | undefined;
}

/**
 * Chooses the mirrors of a source, best first: the spec's own address (or what replaces it), else
 * `mirror`, else the host's apt sources; the snapshot service last of all, as it was at `atSeconds`.
 * Throws `FETCH_NO_MIRROR`, `FETCH_MIRROR_INVALID`.
 */
export function resolveMirrors(
  source: ArchiveSource,
  settings: MirrorSettings,
  atSeconds?: number,
): readonly Mirror[] {
  if (source.uri !== undefined) {
    const replaced = settings.replace?.[source.uri];
    return replaced === undefined
      ? [mirrorOf(source.uri, "spec")]
      : replaced.map((base) => mirrorOf(base, "settings"));
  }
  const archive = source.archive ?? "main";
  const chosen = configuredMirrors(archive, settings);
  const mirrors = chosen.length > 0 ? chosen : hostMirrors(source.suite, archive, settings.hostSources ?? []);
  const all = [...mirrors, ...snapshotMirrors(archive, settings.snapshot, atSeconds)];
  if (all.length === 0) throw noMirror(source);
  return all.filter((mirror, i) => all.findIndex((other) => other.base === mirror.base) === i);
}

function noMirror(source: ArchiveSource): AshlarError {
  const message = `Cannot find a mirror of source "${source.name}": none is configured, want a base address`;
  return new AshlarError("FETCH_NO_MIRROR", message, {
    hint: "set ASHLAR_MIRROR to the base address of a Debian archive (the directory that holds dists/ and pool/)",
    because: [
      "the spec gives no address",
      "ASHLAR_MIRROR is not set",
      "the host's apt sources name no Debian archive",
    ],
  });
}

function configuredMirrors(archive: "main" | "security", settings: MirrorSettings): Mirror[] {
  const main = wordsOf(settings.mirror);
  if (archive === "main") return main.map((base) => mirrorOf(base, "settings"));
  const security = wordsOf(settings.securityMirror);
  return (security.length > 0 ? security : main.map(securitySibling)).map((base) => mirrorOf(base, "settings"));
}

function securitySibling(base: string): string {
  return `${base.replace(/\/+$/, "")}-security`;
}

/**
 * The host's mirrors: of entries for this very suite, else of entries for another suite of the same
 * archive. Only entries that the host trusts Debian's keys for are Debian mirrors.
 */
function hostMirrors(suite: string, archive: "main" | "security", files: readonly AptSourcesFile[]): Mirror[] {
  const sources = files.flatMap((file) => parseAptSources(file)).filter(isDebian);
  const exact = sources.filter((source) => source.suites.includes(suite));
  const isSecurity = archive === "security";
  const kin = sources.filter((source) => source.suites.some((name) => isSecuritySuite(name) === isSecurity));
  const found = usable(exact.length > 0 ? exact : kin);
  if (found.length > 0 || !isSecurity) return found;
  return hostMirrors("", "main", files).map((mirror) => mirrorOf(securitySibling(mirror.base), "host"));
}

function usable(sources: readonly AptSource[]): Mirror[] {
  const uris = sources.flatMap((source) => source.uris);
  return uris.filter((uri) => isAddress(uri)).map((uri) => mirrorOf(uri, "host"));
}

function isSecuritySuite(suite: string): boolean {
  return suite.endsWith("-security") || suite.endsWith("/updates");
}

function isDebian(source: AptSource): boolean {
  if (!source.components.includes("main")) return false;
  if (source.signedBy !== undefined) return /(^|\/)debian-archive-[^/]*$/.test(source.signedBy);
  return source.uris.some((uri) => /\/debian(-security)?\/?$/.test(uri));
}

/** The snapshot service keeps each archive as it was, below `archive/NAME/TIME/`. */
function snapshotMirrors(archive: "main" | "security", base: string | undefined, atSeconds?: number): Mirror[] {
  if (base === undefined || base === "" || atSeconds === undefined) return [];
  const stamp = new Date(atSeconds * 1000).toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  const name = archive === "security" ? "debian-security" : "debian";
  return [mirrorOf(`${base.replace(/\/+$/, "")}/archive/${name}/${stamp}`, "snapshot")];
}

function isAddress(text: string): boolean {
  return text.startsWith("/") || (/^(https?|file):/i.test(text) && URL.canParse(text));
}

function mirrorOf(text: string, origin: Mirror["origin"]): Mirror {
  if (!isAddress(text)) {
    const message = `Cannot use mirror "${text}": not an address, want http:, https:, file: or an absolute path`;
    throw new AshlarError("FETCH_MIRROR_INVALID", message);
  }
  const url = text.startsWith("/") ? new URL("file://") : new URL(text);
  if (text.startsWith("/")) url.pathname = text;
  url.search = "";
  url.hash = "";
  return { base: url.href.endsWith("/") ? url.href : `${url.href}/`, origin };
}

function wordsOf(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}
