// SPDX-License-Identifier: Apache-2.0
import type { z } from "zod";

import type { DataPath } from "./fault.ts";

/** A shape as far as this file looks into it. */
interface Def {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
}

/** Questions about the part of a shape that a path leads to. */
export const shapesAt = {
  /** The keys that may stand there. */
  keys(shape: z.ZodType, path: DataPath): string[] {
    const keys = alternatives(shape, path).flatMap((def) => Object.keys(def.shape ?? {}));
    return [...new Set(keys)].filter((key) => key !== "$schema");
  },
  /** The keys that may stand there beside one of them. */
  keysBeside(shape: z.ZodType, path: DataPath, key: string): string[] {
    const defs = alternatives(shape, path).filter((def) => Object.hasOwn(def.shape ?? {}, key));
    return defs.flatMap((def) => Object.keys(def.shape ?? {}));
  },
  /** The keys that have to stand there with one of them, of the alternative that asks least. */
  neededBeside(shape: z.ZodType, path: DataPath, key: string): string[] {
    const defs = alternatives(shape, path).filter((def) => Object.hasOwn(def.shape ?? {}, key));
    const needed = defs.map((def) =>
      Object.entries(def.shape ?? {}).filter(([, inner]) => !isOptional(inner)),
    );
    const [least = []] = needed.sort((a, b) => a.length - b.length);
    return least.map(([name]) => name);
  },
  /** Whether it is a mapping that holds one of several keys. */
  isChoice(shape: z.ZodType, path: DataPath): boolean {
    return alternatives(shape, path).filter((def) => def.shape !== undefined).length > 1;
  },
  /** Whether text, and no number or truth value, may stand there. */
  takesText(shape: z.ZodType, path: DataPath): boolean {
    const types = alternatives(shape, path).map((def) => def.type);
    return types.includes("string") && !types.includes("number");
  },
} as const;

function isOptional(shape: z.ZodType): boolean {
  return shape._zod.optin === "optional";
}

function alternatives(shape: z.ZodType, path: DataPath): Def[] {
  let defs = opened(shape);
  for (const part of path) {
    defs = defs.flatMap((def) => {
      const own = def.shape !== undefined && Object.hasOwn(def.shape, part) ? def.shape[part] : undefined;
      const inner = typeof part === "number" ? def.element : (own ?? def.valueType);
      return inner === undefined ? [] : opened(inner);
    });
  }
  return defs;
}

/** The definition below optional and read-only wrappers; several for a union. */
function opened(shape: z.ZodType): Def[] {
  const def = shape._zod.def as unknown as Def;
  if (def.options !== undefined && def.type === "union") return def.options.flatMap(opened);
  if (def.innerType !== undefined) return opened(def.innerType);
  return [def];
}
