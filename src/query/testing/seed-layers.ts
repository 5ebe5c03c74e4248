// SPDX-License-Identifier: Apache-2.0
import { dir, file, link, tarOf } from "../../registry/testing/sample-image.ts";

export const lowerTar = tarOf(dir("d"), file("d/a", "1"), link("l", "d"), file("d/b", "2"));

/** Tars of layers with everything that has a meaning of its own there. */
export const upperTars: readonly Uint8Array[] = [
  tarOf(file("d/.wh.a", ""), file("d/.wh..wh..opq", ""), link("d/s", "../x"), dir("d/.wh..wh.plnk")),
  tarOf(file("d/x", "1"), link("d/y", "d/x", "hardlink"), link("h", "d/b", "hardlink")),
];
