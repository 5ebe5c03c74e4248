// SPDX-License-Identifier: Apache-2.0
import { isIP, isIPv4 } from "node:net";

/** Tells whether a host name (as in `URL.hostname`) is this machine: 127.0.0.0/8, ::1, localhost. */
export function isLoopback(hostname: string): boolean {
  const name = bare(hostname);
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^(::ffff:)?127\.[\d.]+$/.test(name)
    || /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(name);
}

/** Addresses that answer only on the spot and hand out credentials of machines in clouds. */
const metadataNames = new Set(["metadata", "metadata.google.internal", "fd00:ec2::254", "100.100.100.200"]);

/** Tells whether a host is link-local or a known metadata service; nothing of ours is ever there. */
export function isMetadataHost(hostname: string): boolean {
  const name = bare(hostname);
  if (metadataNames.has(name) || /^169\.254\./.test(name)) return true;
  return /^fe[89ab][0-9a-f]:/.test(name) || /^::ffff:a9fe:/.test(name);
}

/** Tells whether a host is the address that stands for none (0.0.0.0, ::): connecting to it leads to this machine. */
export function isUnspecified(hostname: string): boolean {
  return ["0.0.0.0", "::", "::ffff:0:0"].includes(bare(hostname));
}

/** Tells whether a host is an address in place of a name. */
export function isAddress(hostname: string): boolean {
  return isIP(bare(hostname)) !== 0;
}

/**
 * Tells whether two hosts belong to one owner, as far as names tell: they are equal, or one lies below the other,
 * or both below one parent that a single owner holds. Without the list of public suffixes this is on the safe
 * side: parents of one label, country suffixes (`co.uk`) and domains that many owners share do not count.
 */
export function isSameOwner(a: string, b: string): boolean {
  const [one, other] = [bare(a), bare(b)];
  if (one === other) return true;
  if (isAddress(one) || isAddress(other)) return false;
  // Below a shared domain the next labels may be shared too: a region, a kind of service.
  const above = [parentOf(one), parentOf(other)].filter((name) => !isShared(name));
  const parents = [one, other, ...above].filter(isOwned);
  return parents.some((parent) => isAtOrBelow(one, parent) && isAtOrBelow(other, parent));
}

function isAtOrBelow(name: string, parent: string): boolean {
  return name === parent || name.endsWith(`.${parent}`);
}

function parentOf(name: string): string {
  return name.slice(name.indexOf(".") + 1);
}

/** Domains below which anybody can have a name. */
const sharedDomains = new Set([
  "amazonaws.com", "appspot.com", "azurecr.io", "azurewebsites.net", "cloudapp.azure.com", "cloudflarestorage.com",
  "cloudfront.net", "digitaloceanspaces.com", "duckdns.org", "fly.dev", "gcr.io", "github.io", "gitlab.io",
  "herokuapp.com", "jfrog.io", "netlify.app", "ngrok.app", "ngrok.io", "ngrok-free.app", "nip.io", "ocir.io",
  "onrender.com", "pages.dev", "pkg.dev", "run.app", "sslip.io", "trycloudflare.com", "ts.net", "vercel.app", "web.app",
  "windows.net", "workers.dev",
]);

/** Labels that stand before a country's as if they were a part of it. */
const secondLevels = new Set([
  "ac", "asso", "biz", "co", "com", "edu", "go", "gob", "gouv", "gov", "gv", "id", "in", "info", "ltd", "me", "mil",
  "ne", "net", "nom", "or", "org", "plc", "sch", "web",
]);

function isShared(name: string): boolean {
  return [...sharedDomains].some((domain) => isAtOrBelow(name, domain));
}

function isOwned(domain: string): boolean {
  const [first = "", last = "", ...more] = domain.split(".");
  if (last === "") return false;
  const isCountrySuffix = more.length === 0 && last.length === 2 && secondLevels.has(first);
  return !isCountrySuffix && !sharedDomains.has(domain);
}

/** Without the brackets of an IPv6 address and the root's dot, in lower case. */
function bare(hostname: string): string {
  const name = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return isIPv4(name) ? name : name.replace(/\.$/, "");
}
