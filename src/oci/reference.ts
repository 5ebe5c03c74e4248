// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isDigest } from "../base/index.ts";

/** Where an image lies: `registry/repository:tag@digest`. */
export interface Reference {
  /** Host, and port where it is given. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

const hub = "docker.io";
const nameCharsMax = 255;
const tagPattern = /^\w[\w.-]{0,127}$/;
// One character class and a check of separators: no nested repetition, so no slow match on long hostile names.
const componentPattern = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;
const hostLabelPattern = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/**
 * Parses a reference by docker's grammar (distribution/reference): the first component is a registry where it
 * holds a dot, a colon or a capital, or is `localhost`; without one it is docker's hub, where a single name
 * lies in `library/`. Neither tag nor digest is made up. Throws `OCI_REFERENCE`.
 */
export function parseReference(text: string): Reference {
  if (text.length > nameCharsMax + 300) throw invalid(text, "it is too long");
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(
      text,
      "want sha256: and 64 lower-case hex digits after the @",
    );
  }
  const [name, tag] = splitTag(at < 0 ? text : text.slice(0, at));
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text, `"${tag}" is not a tag`);
  const { registry, repository } = splitRegistry(name);
  if (!isRegistry(registry)) throw invalid(text, `"${registry}" is not a host`);
  if (!isRepository(repository)) {
    throw invalid(
      text,
      "want a name of lower-case letters and digits, with . _ - between",
    );
  }
  if (registry.length + repository.length + 1 > nameCharsMax) {
    throw invalid(
      text,
      `the name is longer than ${nameCharsMax}`,
    );
  }
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The tag follows the last colon behind the last slash. */
function splitTag(text: string): [name: string, tag: string | undefined] {
  const colon = text.lastIndexOf(":");
  return colon < 0 || colon < text.lastIndexOf("/") ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

function splitRegistry(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = first === "localhost" || /[.:A-Z]/.test(first);
  const registry = isHost ? first : hub;
  const repository = isHost ? name.slice(slash + 1) : name;
  const official = registry === hub && !repository.includes("/");
  return { registry, repository: official ? `library/${repository}` : repository };
}

function isRegistry(text: string): boolean {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:]+)(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null || text.length > nameCharsMax) return false;
  const [, host = "", port] = match;
  if (port !== undefined && Number(port) > 65535) return false;
  return host.startsWith("[") || host.split(".").every((label) => hostLabelPattern.test(label));
}

function isRepository(text: string): boolean {
  return text.length <= nameCharsMax && text.split("/").every(isComponent);
}

/** Separators inside a component: one dot, one or two underscores, or any number of hyphens. */
function isComponent(text: string): boolean {
  if (!componentPattern.test(text)) return false;
  return text.split(/[a-z0-9]+/).every(
    (gap) => gap === "" || gap === "." || gap === "_" || gap === "__" || /^-+$/.test(gap),
  );
}

/** The text of a reference, nothing left out. */
export function formatReference(reference: Reference): string {
  const { registry, repository, tag, digest } = reference;
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function invalid(text: string, fault: string): AshlarError {
  const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
  return new AshlarError("OCI_REFERENCE", `Cannot read image reference ${shown}: ${fault}`, {
    hint: "for example registry.example/team/app:1.2",
  });
}
