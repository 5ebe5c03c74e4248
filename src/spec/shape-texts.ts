// SPDX-License-Identifier: Apache-2.0
import { z } from "zod";

import { AshlarError, parsePath } from "../base/index.ts";

/**
 * The texts that fields hold. Every message here completes "..., want ___"; patterns rather than functions where
 * possible, since patterns reach the JSON Schema and so the editor.
 */
function text(pattern: RegExp, want: string): z.ZodString {
  return z.string({ error: want }).regex(pattern, { error: want });
}

const packageName = "[a-z0-9][a-z0-9+.-]+";
const version = "[A-Za-z0-9.+:~-]+";
const relation = `${packageName}(:[a-z0-9-]+)?( ?\\((<<|<=|=|>=|>>) ?${version}\\))?`;

const imageName = "([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*";
const pinned = `${imageName}@sha256:[0-9a-f]{64}`;
const notUpwards = "(?!([^\\n]*/)?\\.\\.(/|$))";
const fileBelow = `(?![/!])${notUpwards}[^\\0\\n\\\\]+`;

const armoured = "-----BEGIN PGP PUBLIC KEY BLOCK-----[\\s\\S]*";
const fingerprints = "[0-9A-F]{40}([, ]+[0-9A-F]{40})*";
const keyFile = `(?!/)${notUpwards}[^\\0\\n]+\\.(asc|gpg|pgp)`;

export const texts = {
  /** Debian policy 5.6.1. */
  packageName: text(new RegExp(`^${packageName}$`), 'a package name such as "libc6"'),
  /** Debian policy 7.1, without architecture and profile restrictions. */
  relation: text(
    new RegExp(`^${relation}( ?\\| ?${relation})*$`),
    'a package such as "nginx", "nginx (>= 1.22)", "exim4 | postfix" or "libc6:i386"',
  ),
  /** distribution reference grammar, without tag and digest. */
  imageName: text(
    new RegExp(`^${imageName}$`),
    'an image name in lower case without tag and digest, such as "registry.example.com/site"',
  ),
  imageKey: text(
    /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/,
    'a name in lower case such as "base"',
  ),
  registry: text(
    /^[A-Za-z0-9.-]+(:[0-9]+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/,
    'a registry and path such as "registry.example.com/shop"',
  ),
  suite: text(/^[a-z][a-z0-9-]*$/, 'a suite by code name, such as "bookworm"'),
  anySuite: text(/^[A-Za-z0-9][A-Za-z0-9._/+-]*$/, 'a suite such as "stable"'),
  component: text(/^[a-z0-9][a-z0-9._/+-]*$/, 'a component such as "main"'),
  sourceName: text(/^[a-z0-9][a-z0-9._-]*$/, "a name of lower-case letters, digits, dots and dashes"),
  uri: text(/^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[!-~]*)?$/, 'an address "https://HOST/PATH" without user and password'),
  signedBy: text(
    new RegExp(`^(${armoured}|${fingerprints}|${keyFile})$`),
    "a fingerprint of 40 capital hex digits, a key file of the project (.asc, .gpg or .pgp), or an armoured key block",
  ),
  path: text(/^\/(?!\/)[^\0]*$/, 'an absolute path such as "/srv/www"').refine(isImagePath, {
    error: 'an absolute path without "." and ".." such as "/srv/www"',
  }),
  pathGlob: text(/^\/[^\0]*$/, 'a pattern of absolute paths such as "/usr/share/**"'),
  projectGlob: text(
    new RegExp(`^${fileBelow}$`),
    'files below the project such as "dist/**" (what to leave out goes to "exclude")',
  ),
  projectFile: text(new RegExp(`^${fileBelow}$`), 'a file below the project such as "patches/fix.patch"'),
  /** Of `from`. */
  from: text(
    new RegExp(`^(scratch|debian:[a-z][a-z0-9-]*|oci:${pinned})$`),
    '"debian:SUITE", "scratch", "oci:NAME@sha256:...", { debian: SUITE, sources: [...] }, { image: KEY } ' +
      "or { oci: NAME@sha256:... }",
  ),
  pinnedImage: text(new RegExp(`^${pinned}$`), 'an image by digest without a tag, "NAME@sha256:<64 hex digits>"'),
  place: text(
    new RegExp(`^(oci|oci-archive|docker-archive):(?!/)${notUpwards}[^\\0\\n]+$`),
    'a place in the project such as "oci:vendor/base", "oci-archive:base.tar" or "docker-archive:base.tar"',
  ),
  /** debconf-devel(7): by convention the names begin with the package. */
  question: text(
    /^[A-Za-z0-9][A-Za-z0-9+._-]*(\/[^\s\/]+)+$/,
    'a question as "package/question", such as "tzdata/Areas"',
  ),
  stepName: text(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'a name in lower case such as "server"'),
  script: text(/^[^\0]*[^\0\s][^\0]*$/, "a text for /bin/sh"),
  argument: text(/^[^\0]*$/, "text"),
  url: text(
    new RegExp(`^(https?:\\/\\/[A-Za-z0-9.:[\\]-]+\\/[!-~]*|(?![A-Za-z][A-Za-z0-9+.-]*:)${fileBelow})$`),
    'an address of a file "https://HOST/PATH" without user and password, or a file below the project',
  ),
  sha256: text(/^(sha256:)?[0-9a-f]{64}$/, "64 hex digits in lower case, as sha256sum prints them"),
  pathBelow: text(
    new RegExp(`^(?!/)${notUpwards}[^\\0\\n\\\\]+$`),
    'a path below $SRC such as "." or "vendor/zlib", without ".."',
  ),
  outputGlob: text(
    new RegExp(`^(?!\\$)${fileBelow}$`),
    'a path or pattern below $OUT such as "server" or "usr/**", without "/" at the beginning',
  ),
  secretName: text(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'a name such as "token"'),
  timeLimit: text(/^[1-9][0-9]{0,5}(s|m|h)$/, 'a time such as "30m" or "90s"'),
  mode: text(
    /^(0?[0-7]{3,4}|[ugoa]*[=+-][rwxXst]*(,[ugoa]*[=+-][rwxXst]*)*)$/,
    'a mode as text, octal such as "0644" or symbolic such as "a=rX"',
  ),
  account: text(/^[a-z_][a-z0-9_.-]{0,31}$/, 'an account name such as "web"'),
  owner: text(/^([a-z_][a-z0-9_.-]{0,31}|[0-9]{1,10})$/, 'an account name such as "web" or a number'),
  runUser: text(/^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/, '"user", "user:group" or numbers'),
  accountText: text(/^[^:\n\0]*$/, "text without colons and line breaks"),
  port: text(/^[0-9]{1,5}(\/(tcp|udp|sctp))?$/, 'a port such as 8080 or "53/udp"'),
  envName: text(/^[^=\0]+$/, 'a name without "="'),
  signal: text(/^(SIG[A-Z0-9]+([+-][0-9]+)?|[0-9]{1,2})$/, 'a signal such as "SIGTERM"'),
  duration: text(/^[0-9]{1,9}(ms|s|m|h)$/, 'a time such as "30s"'),
  size: text(/^[0-9]{1,16}(\.[0-9]{1,3})?(B|kB|KB|MB|GB|KiB|MiB|GiB)$/, 'a size as text, such as "40MB" or "1.5GiB"'),
  date: text(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, 'a date as text, such as "2028-06-30"').refine(isDate, {
    error: "a day of the calendar, YYYY-MM-DD",
  }),
  line: text(/^[^\n\0]*$/, "text on one line"),
  any: z.string({ error: "text" }),
} as const;

function isImagePath(path: string): boolean {
  try {
    return path === "/" || parsePath(path) !== "";
  } catch (error) {
    if (error instanceof AshlarError) return false;
    throw error;
  }
}

function isDate(date: string): boolean {
  const [year, month, day] = date.split("-").map(Number) as [number, number, number];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return day >= 1 && day <= days;
}
