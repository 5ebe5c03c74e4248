// SPDX-License-Identifier: Apache-2.0

/** Gathers the values of an option that may repeat. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
