// SPDX-License-Identifier: Apache-2.0
import type { SecretForm } from "./secret-forms.ts";

const mask = Buffer.from("***");

/** Replaces secrets in bytes that come in pieces by "***". What may be a secret's beginning waits for the rest. */
export class SecretMask {
  /** The longest first, so that a form which is a part of another leaves nothing of it. */
  readonly #forms: readonly Buffer[];
  #held: Buffer = Buffer.alloc(0);

  constructor(forms: readonly SecretForm[]) {
    this.#forms = forms.map(({ bytes }) => bytes).sort((a, b) => b.length - a.length);
  }

  push(bytes: Uint8Array): Buffer {
    const whole = this.#masked(Buffer.concat([this.#held, bytes]));
    const held = this.#beginning(whole);
    this.#held = Buffer.from(whole.subarray(whole.length - held));
    return whole.subarray(0, whole.length - held);
  }

  /** What was still waiting. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }

  #masked(bytes: Buffer): Buffer {
    let whole = bytes;
    for (const form of this.#forms) {
      for (let at = whole.indexOf(form); at >= 0; at = whole.indexOf(form, at + mask.length)) {
        whole = Buffer.concat([whole.subarray(0, at), mask, whole.subarray(at + form.length)]);
      }
    }
    return whole;
  }

  /** The length of the longest end of `bytes` that a secret begins with. */
  #beginning(bytes: Buffer): number {
    let longest = 0;
    for (const form of this.#forms) {
      for (let length = Math.min(form.length - 1, bytes.length); length > longest; length--) {
        if (bytes.subarray(bytes.length - length).equals(form.subarray(0, length))) longest = length;
      }
    }
    return longest;
  }
}
