// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { ociLimits } from "./limits.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses a JSON document of unknown origin so that no other reader can see another document in it: valid
 * UTF-8, no key twice in an object, bounded size and depth. Throws `OCI_LIMIT` and `OCI_JSON`, naming `what`.
 */
export function parseStrictJson(bytes: Uint8Array, what: string, bytesMax = ociLimits.documentBytesMax): unknown {
  if (bytes.length > bytesMax) {
    throw new AshlarError("OCI_LIMIT", `Cannot read ${what}: it has ${bytes.length} bytes, want at most ${bytesMax}`);
  }
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw invalid(what, "it is not UTF-8", cause);
  }
  // The scan is exact only on valid JSON, which the parser proves afterwards; its depth limit protects the parser.
  scan(text, what);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw invalid(what, "it is not valid JSON", cause);
  }
}

/** Follows the nesting of a JSON text and refuses keys that occur twice. */
function scan(text: string, what: string): void {
  const open: (Set<string> | undefined)[] = [];
  let atKey = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const end = endOfString(text, i);
      if (atKey) addKey(open.at(-1), text.slice(i, end + 1), what);
      i = end;
    } else if (char === "{" || char === "[") {
      open.push(char === "{" ? new Set() : undefined);
      if (open.length > ociLimits.jsonDepthMax) {
        throw invalid(
          what,
          `it is nested deeper than ${ociLimits.jsonDepthMax}`,
        );
      }
      atKey = char === "{";
    } else if (char === "}" || char === "]") {
      open.pop();
      atKey = false;
    } else if (char === ",") atKey = open.at(-1) !== undefined;
    else if (char === ":") atKey = false;
  }
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i;
}

function addKey(keys: Set<string> | undefined, quoted: string, what: string): void {
  let key: string;
  try {
    key = JSON.parse(quoted) as string;
  } catch (cause) {
    throw invalid(what, "it is not valid JSON", cause);
  }
  if (keys?.has(key)) throw invalid(what, `the key ${JSON.stringify(key.slice(0, 100))} occurs twice in one object`);
  keys?.add(key);
}

function invalid(what: string, fault: string, cause?: unknown): AshlarError {
  return new AshlarError("OCI_JSON", `Cannot read ${what}: ${fault}`, { cause });
}
