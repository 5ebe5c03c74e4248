// SPDX-License-Identifier: Apache-2.0

/** Source text of a call of one of the functions of the module "ashlar", with its arguments still as data. */
class Call {
  readonly name: string;
  readonly parts: readonly unknown[];

  constructor(name: string, ...parts: readonly unknown[]) {
    this.name = name;
    this.parts = parts;
  }
}

/** The value `scratch`. */
const scratch = new Call("scratch");
const columnsMax = 100;

type Data = Readonly<Record<string, unknown>>;

/** Prints data as a TypeScript spec that evaluates to the same data. */
export function printTypeScript(written: Data): string {
  const { ashlar, ...spec } = written;
  const root = ashlar === "fleet/v1" ? fleetCall(spec) : new Call("image", withCalls(spec));
  const names = new Set<string>();
  collectNames(root, names);
  return `import { ${[...names].sort().join(", ")} } from "ashlar";\n\nexport default ${print(root, 0, 15)};\n`;
}

function fleetCall(spec: Data): Call {
  const images = Object.entries(spec["images"] as Record<string, Data>);
  return new Call("fleet", {
    ...spec,
    images: Object.fromEntries(images.map(([key, image]) => [key, withCalls(image)])),
  });
}

function withCalls(image: Data): Data {
  const app = image["app"] as readonly Data[] | undefined;
  const steps = image["steps"] as Data | undefined;
  return {
    ...image,
    from: fromCall(image["from"]),
    ...(steps && { steps: stepCalls(steps) }),
    ...(app && { app: app.map(itemCall) }),
  };
}

function fromCall(from: unknown): Call {
  if (from === "scratch") return scratch;
  if (typeof from === "string") {
    const [kind = "", ...name] = from.split(":");
    return new Call(kind, name.join(":"));
  }
  const data = from as Data;
  if (data["oci"] !== undefined) {
    const { oci, ...options } = data;
    return new Call("oci", oci, ...rest(options));
  }
  if (data["image"] !== undefined) return new Call("basedOn", data["image"]);
  const { debian, ...options } = data;
  return new Call("debian", debian, ...rest(options));
}

function stepCalls(steps: Data): Data {
  return Object.fromEntries(Object.entries(steps).map(([name, data]) => [name, new Call("step", data)]));
}

/** The parameters that each function takes by position. */
const positional: Readonly<Record<string, readonly string[]>> = {
  copy: ["from", "to"],
  write: ["to", "text"],
  output: ["step", "path", "to"],
  dir: ["path"],
  link: ["path", "target"],
};

function itemCall(item: Data): Call {
  const [name, data] = Object.entries(item)[0] as [string, Data];
  const keys = positional[name] ?? [];
  const options = Object.fromEntries(Object.entries(data).filter(([key]) => !keys.includes(key)));
  return new Call(name, ...keys.map((key) => data[key]), ...rest(options));
}

function rest(options: Data): Data[] {
  return Object.keys(options).length === 0 ? [] : [options];
}

function collectNames(value: unknown, names: Set<string>): void {
  if (value instanceof Call) {
    names.add(value.name);
    for (const part of value.parts) collectNames(part, names);
  } else if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) collectNames(part, names);
  }
}

/** On one line where it fits; `used` is what stands before it on its line. */
function print(value: unknown, indent: number, used: number): string {
  const inline = printInline(value);
  if (used + inline.length < columnsMax || typeof value !== "object" || value === null) return inline;
  const inner = " ".repeat(indent + 2);
  if (value instanceof Call) {
    const before = value.parts
      .slice(0, -1)
      .map((part) => `${printInline(part)}, `)
      .join("");
    const opening = `${value.name}(${before}`;
    return `${opening}${print(value.parts.at(-1), indent, used + opening.length)})`;
  }
  const lines = Array.isArray(value)
    ? value.map((item) => `${inner}${print(item, indent + 2, indent + 2)},\n`)
    : Object.entries(value).map(([key, item]) => {
        const start = `${inner}${printKey(key)}: `;
        return `${start}${print(item, indent + 2, start.length)},\n`;
      });
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${lines.join("")}${" ".repeat(indent)}${close}`;
}

function printInline(value: unknown): string {
  if (value === scratch) return "scratch";
  if (value instanceof Call) return `${value.name}(${value.parts.map(printInline).join(", ")})`;
  if (Array.isArray(value)) return `[${value.map(printInline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, item]) => `${printKey(key)}: ${printInline(item)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

function printKey(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
}
