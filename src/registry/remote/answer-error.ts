// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import { JsonObject, parseStrictJson } from "../../oci/index.ts";
import { readBody } from "./read-body.ts";
import { hub } from "./registry-address.ts";
import type { HttpAnswer } from "./registry-http.ts";

const bodyBytesMax = 64 << 10;
const errorCountMax = 5;
const textCharsMax = 300;

/**
 * The error that an answer means which is not the one wanted; its body is read for what the registry says.
 * `REGISTRY_AUTH` for 401, `REGISTRY_DENIED` for 403, `REGISTRY_BUSY` for 429, `REGISTRY_FAILED` for all else.
 */
export async function answerError(answer: HttpAnswer, what: string): Promise<AshlarError> {
  const because = await readBody(answer, bodyBytesMax).then(parseErrors, () => []);
  const { status, url } = answer;
  const details = { host: url.host, status };
  const message = `Cannot ${what}: registry "${url.host}" answered ${status}`;
  if (status === 401) {
    const hint = loginHint(url.host);
    return new AshlarError("REGISTRY_AUTH", `${message}, want credentials it accepts`, { because, details, hint });
  }
  if (status === 403) {
    const hint = `the user may lack the right; log in as another one: ${loginHint(url.host)}`;
    return new AshlarError("REGISTRY_DENIED", message, { because, details, hint });
  }
  if (status === 429) {
    const hint = "wait, log in, or ask fewer at a time with --parallel 1";
    return new AshlarError("REGISTRY_BUSY", message, { because, details, hint });
  }
  return new AshlarError("REGISTRY_FAILED", message, { because, details });
}

/** The commands that leave credentials where we find them. */
export function loginHint(host: string): string {
  if (host === hub.host) return "docker login, or podman login docker.io";
  return `docker login ${host}, or podman login ${host}`;
}

/** Reads the errors of a registry's answer (distribution-spec 1.1, "Error Codes"); none where it is something else. */
export function parseErrors(bytes: Uint8Array): readonly string[] {
  try {
    const object = new JsonObject(parseStrictJson(bytes, "errors"), "errors", "", ["errors"]);
    const errors = object.maybeObjects("errors", ["code", "message"], 1000) ?? [];
    return errors.slice(0, errorCountMax).map((error) => {
      const text = [error.maybeText("code"), error.maybeText("message")].filter(Boolean).join(": ");
      return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, textCharsMax);
    });
  } catch (error) {
    if (isAshlarError(error)) return [];
    throw error;
  }
}
