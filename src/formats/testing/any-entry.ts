// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";

import { digestOf, type ImagePath, parsePath } from "../../base/index.ts";
import type { Entry, Meta } from "../tree.ts";

const component = fc
  .oneof(
    fc.stringMatching(/^[a-z0-9._+-]{1,40}$/),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
    fc.string({
      unit: fc.constantFrom("a", "\u00e4", "\u{1f600}", "\udcff", "\udc80", " ", "\\", "\n"),
      minLength: 1,
      maxLength: 30,
    }),
    fc.integer({ min: 90, max: 110 }).map((length) => "x".repeat(length)),
  )
  .filter((name) => isPath(name) && !name.includes("/"));

function isPath(text: string): boolean {
  try {
    // A lone surrogate outside of U+DC80..U+DCFF, or one that joins its neighbour, is not a name's form.
    return (
      parsePath(text) === text &&
      Buffer.from(text.replace(/[\udc80-\udcff]/g, "")).toString() === text.replace(/[\udc80-\udcff]/g, "")
    );
  } catch {
    return false;
  }
}

/** Any valid path, with long, odd and invalid bytes among them. */
const anyPath: fc.Arbitrary<ImagePath> = fc
  .array(component, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join("/"))
  .filter(isPath)
  .map((text) => parsePath(text));

const id = fc.oneof(fc.constantFrom(0, 1000, 2_097_151, 2_097_152, 4_294_967_294), fc.nat());
const attribute = fc.tuple(
  fc.stringMatching(/^(user|security|trusted)\.[a-zA-Z.]{1,20}$/),
  fc.uint8Array({ maxLength: 60 }),
);

const anyMeta: fc.Arbitrary<Meta> = fc
  .record({
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: id,
    gid: id,
    mtimeSeconds: fc.oneof(fc.constant(0), fc.maxSafeInteger(), fc.constantFrom(0o77777777777, 0o77777777777 + 1, -1)),
    attributes: fc.array(attribute, { maxLength: 3 }),
  })
  .map(({ attributes, ...rest }) => {
    if (attributes.length === 0) return rest;
    return {
      ...rest,
      xattrs: Object.fromEntries(attributes.map(([name, value]) => [name, Buffer.from(value).toString("base64")])),
    };
  });

/** Any entry a tree may hold. */
export function anyEntry(options: { readonly sizeBytesMax: number }): fc.Arbitrary<Entry> {
  const device = fc.record({ major: fc.nat({ max: 0xffffffff }), minor: fc.nat({ max: 0xffffffff }) });
  const kind = fc.oneof(
    fc
      .nat({ max: options.sizeBytesMax })
      .map((sizeBytes) => ({ type: "file" as const, sizeBytes, content: digestOf(String(sizeBytes)) })),
    fc.constant({ type: "dir" as const }),
    fc.constant({ type: "fifo" as const }),
    anyPath.map((target) => ({ type: "hardlink" as const, target })),
    fc
      .oneof(anyPath, fc.constantFrom("/", "..", "../../x", "t".repeat(300)))
      .map((target) => ({ type: "symlink" as const, target: target as string })),
    device.map((numbers) => ({ type: "char" as const, ...numbers })),
    device.map((numbers) => ({ type: "block" as const, ...numbers })),
  );
  return fc.tuple(anyMeta, anyPath, kind).map(([meta, path, rest]) => ({ ...meta, path, ...rest }) as Entry);
}
