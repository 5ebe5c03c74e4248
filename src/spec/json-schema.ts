// SPDX-License-Identifier: Apache-2.0
import { z } from "zod";

import { fleetShape, imageShape } from "./shape.ts";

/** The JSON Schema (2020-12) of what `checkShape` takes. */
export function schemaOf(kind: "image/v1" | "fleet/v1"): object {
  const shape = kind === "image/v1" ? imageShape : fleetShape;
  const schema = z.toJSONSchema(shape, {
    io: "input",
    target: "draft-2020-12",
    reused: "inline",
    // Read-only in our types; to an editor the word would say that users must not write the field.
    override: ({ jsonSchema }) => void delete jsonSchema.readOnly,
  });
  return { ...schema, title: `Ashlar ${kind}` };
}
