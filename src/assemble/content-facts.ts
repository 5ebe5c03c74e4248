// SPDX-License-Identifier: Apache-2.0
import { type ElfInfo, parseElf, parseShebang, type Shebang } from "../formats/index.ts";

/** What a content says of other files it needs; JSON, remembered for each content. */
export interface ContentFacts {
  readonly elf?: ElfInfo;
  readonly shebang?: Shebang;
}

/** Looks at a content once and for all. Undefined where it is neither an ELF file nor a script. */
export function inspectContent(bytes: Uint8Array): ContentFacts | undefined {
  const elf = parseElf(bytes);
  if (elf !== undefined) return { elf };
  const shebang = parseShebang(bytes.subarray(0, 256));
  return shebang === undefined ? undefined : { shebang };
}
