// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../../base/index.ts";
import type { PackWriter } from "../../store/index.ts";
import { type SecretForm, secretForms } from "./secret-forms.ts";

/** The values of a step's secrets, by name. */
export type SecretValues = ReadonlyMap<string, Uint8Array>;

/** All forms of all secrets. Throws `USAGE_SECRET`. */
export function formsOf(secrets: SecretValues): readonly SecretForm[] {
  return [...secrets].flatMap(([name, value]) => secretForms(name, value));
}

/** Looks for secrets in bytes that come in pieces; the first one found stays in `found`. */
export class SecretSearch {
  readonly #forms: readonly SecretForm[];
  readonly #overlap: number;
  #tail: Buffer = Buffer.alloc(0);
  found: SecretForm | undefined;

  constructor(forms: readonly SecretForm[]) {
    this.#forms = forms;
    this.#overlap = Math.max(0, ...forms.map(({ bytes }) => bytes.length - 1));
  }

  push(bytes: Uint8Array): void {
    if (this.found !== undefined || this.#forms.length === 0) return;
    const whole = this.#tail.length === 0 ? asBuffer(bytes) : Buffer.concat([this.#tail, bytes]);
    this.found = findSecret(whole, this.#forms);
    this.#tail = Buffer.from(whole.subarray(Math.max(0, whole.length - this.#overlap)));
  }
}

/** The first form of a secret that these bytes hold. */
export function findSecret(bytes: Uint8Array, forms: readonly SecretForm[]): SecretForm | undefined {
  const whole = asBuffer(bytes);
  return forms.find((form) => whole.includes(form.bytes));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * A pack whose contents are searched on their way in, so that one which holds a secret is known before
 * anything is committed. `found` fills by content while it is written to.
 */
export function searchedPack(
  pack: PackWriter,
  forms: readonly SecretForm[],
): { readonly pack: PackWriter; readonly found: ReadonlyMap<Digest, SecretForm> } {
  const found = new Map<Digest, SecretForm>();
  const note = (digest: Digest, form: SecretForm | undefined): void => {
    if (form !== undefined) found.set(digest, form);
  };
  const searching: PackWriter = {
    put(bytes) {
      const info = pack.put(bytes);
      note(info.digest, findSecret(bytes, forms));
      return info;
    },
    putJoined(pieces) {
      const info = pack.putJoined(pieces);
      note(info.digest, findSecret(Buffer.concat(pieces), forms));
      return info;
    },
    open() {
      const writer = pack.open();
      const search = new SecretSearch(forms);
      return {
        write(bytes) {
          search.push(bytes);
          writer.write(bytes);
        },
        end() {
          const info = writer.end();
          note(info.digest, search.found);
          return info;
        },
        abort: () => writer.abort(),
        leave: () => writer.leave(),
      };
    },
    commit: () => pack.commit(),
    abort: () => pack.abort(),
  };
  return { pack: searching, found };
}
