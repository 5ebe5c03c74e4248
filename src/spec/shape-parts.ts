// SPDX-License-Identifier: Apache-2.0
import { z } from "zod";

/** The pieces that shapes are made of. */

export const about = <T extends z.ZodType>(shape: T, description: string): T =>
  shape.meta({ description }) as T;

export const oneOf = <const T extends readonly string[]>(words: T): z.ZodEnum<{ [K in T[number]]: K }> =>
  z.enum(words);

export const list = <T extends z.ZodType>(item: T, wantOne?: string): z.ZodReadonly<z.ZodArray<T>> =>
  (wantOne === undefined ? z.array(item) : z.array(item).min(1, { error: wantOne })).readonly();

/** One or several; the item's message serves both. */
export const some = <T extends z.ZodType>(item: T): z.ZodUnion<[T, z.ZodReadonly<z.ZodArray<T>>]> =>
  z.union([item, list(item)]);

export const truth = z.boolean();

export const number = (min: number, max: number, want: string): z.ZodNumber =>
  z.int({ error: want }).min(min, { error: want }).max(max, { error: want });

/** The value of a variable, label or answer. */
export const plainText = z.string({ error: "text (in quotes where it looks like a number)" });
