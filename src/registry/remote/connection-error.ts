// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";

const certificateCodes = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
const notTlsCodes = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG", "EPROTO"]);

/**
 * Turns what the client threw where no answer came into `REGISTRY_UNREACHABLE`; `details.lasting` tells that
 * another try will end the same way.
 */
export function connectionError(url: URL, cause: unknown): AshlarError {
  const code = codeOf(cause);
  const hint = hintFor(code, url);
  const message = `Cannot reach registry "${url.host}": ${describe(cause)}`;
  const lasting = certificateCodes.has(code) || notTlsCodes.has(code) || code === "ENOTFOUND";
  return new AshlarError("REGISTRY_UNREACHABLE", message, { hint, cause, details: { host: url.host, lasting } });
}

function hintFor(code: string, url: URL): string {
  if (certificateCodes.has(code)) return "name the certificate of your authority in SSL_CERT_FILE";
  if (notTlsCodes.has(code)) {
    return `it may speak plain HTTP: --insecure allows that, or in registries.json "insecure": ["${url.host}"]`;
  }
  if (code === "ENOTFOUND") return "check the registry's name and the proxy variables";
  return "check the registry's name, the network and the proxy variables";
}

/** What broke, in a few words. */
export function describe(cause: unknown): string {
  const code = codeOf(cause);
  const text = cause instanceof Error ? innermost(cause).message || cause.name : String(cause);
  return code === "" || text.includes(code) ? text : `${text} (${code})`;
}

function codeOf(cause: unknown): string {
  const code = cause instanceof Error ? (innermost(cause) as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}

/** Several addresses of one name end in one error that holds one for each. */
function innermost(error: Error): Error {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return first instanceof Error ? first : error;
}
