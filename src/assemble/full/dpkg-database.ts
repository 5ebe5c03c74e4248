// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, nameFromBytes, parsePath, pathToBytes } from "../../base/index.ts";
import { statusStanza } from "../../debian/index.ts";
import { fileEntry } from "../generated-entry.ts";
import type { OwnedEntry } from "../merge-trees.ts";
import { plainDirectory } from "../parents.ts";
import { adminDir, type DatabaseInput, databaseOwner, readText } from "./database-input.ts";
import { type DescribedPackage, invalidControl, placeOf, readControl } from "./describe-package.ts";
import { infoFiles } from "./info-files.ts";
import { withDependencies } from "./order-packages.ts";
import { triggerFiles } from "./trigger-files.ts";

const directories = ["alternatives", "info", "parts", "triggers", "updates"];

/**
 * What dpkg's database holds once packages are unpacked and none of them is configured (dpkg's
 * doc/internals; deb-triggers(5)): stanzas in `status`, the files of `info/`, interests in triggers, and the
 * activations of file triggers that wait for the next run in `triggers/Unincorp`. dpkg itself does the rest
 * and rewrites what it touches.
 */
export function unpackedDatabase(input: DatabaseInput): readonly OwnedEntry[] {
  const made: OwnedEntry[] = [];
  const put = (name: string, text: string | Uint8Array, owner = databaseOwner): void => {
    const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : text;
    made.push({ entry: fileEntry(parsePath(`${adminDir}/${name}`), bytes, input.contents), owner });
  };
  for (const name of directories) {
    const entry = plainDirectory(parsePath(`${adminDir}/${name}`));
    if (!input.after.has(entry.path)) made.push({ entry, owner: databaseOwner });
  }
  const known = takeConffiles(readText(input, "status"), input);
  const stanzas = input.packages.map((item) => pathToBytes(`${stanzaOf(item, known.hashes, input)}\n`));
  put("status", Buffer.concat([Buffer.from(known.status, "latin1"), ...stanzas]));
  put("info/format", "1\n");
  if (!input.before.has(parsePath(`${adminDir}/diversions`))) put("diversions", "");
  made.push(...infoFiles(input));
  for (const [name, text] of triggerFiles(input)) put(`triggers/${name}`, text);
  const architectures = foreignArchitectures(input);
  if (architectures !== undefined) put("arch", architectures);
  const states = extendedStates(input);
  if (states !== undefined) made.push(states);
  return made;
}

/**
 * Conffiles of installed packages that go to another one: they become obsolete there, and the other inherits
 * the digest, by which dpkg knows whether anybody changed the file.
 */
function takeConffiles(
  status: string,
  { replaced, packageOf, packages }: DatabaseInput,
): { readonly status: string; readonly hashes: ReadonlyMap<ImagePath, string> } {
  const hashes = new Map<ImagePath, string>();
  if (replaced.size === 0) return { status, hashes };
  const taken = new Set(packages.flatMap((item) => item.conffiles.map(({ path }) => placeOf(item, path))));
  const stanzas = status.split("\n\n").map((stanza) => {
    const [name, architecture] = ["Package", "Architecture"].map(
      (key) => new RegExp(`^${key}: (.*)$`, "m").exec(stanza)?.[1],
    );
    const id = `${name}:${architecture}`;
    const places = replaced.get(id);
    const item = places === undefined ? undefined : packageOf(id);
    if (places === undefined || item === undefined) return stanza;
    return stanza.replace(
      /^ (\/.+) ([0-9a-f]{32}|newconffile)$/gm,
      (line: string, path: string, hash: string) => {
        const place = placeOf(item, parsePath(nameFromBytes(Buffer.from(path, "latin1"))));
        if (!places.has(place) || !taken.has(place)) return line;
        hashes.set(place, hash);
        return `${line} obsolete`;
      },
    );
  });
  return { status: stanzas.join("\n\n"), hashes };
}

/** A new conffile has no digest yet: dpkg finds it as NAME.dpkg-new when it configures the package. */
function stanzaOf(
  item: DescribedPackage,
  hashes: ReadonlyMap<ImagePath, string>,
  { contents, replaced }: DatabaseInput,
): string {
  const control = nameFromBytes(readControl(item, "control", contents) as Uint8Array);
  const lost = replaced.get(item.id);
  const conffiles = item.conffiles.map(({ path, flag }) => {
    const place = placeOf(item, path);
    const flags = [...(flag === undefined ? [] : [flag]), ...(lost?.has(place) === true ? ["obsolete"] : [])];
    return [` /${path} ${hashes.get(place) ?? "newconffile"}`, ...flags].join(" ");
  });
  const text = statusStanza(control, { status: "install ok unpacked", conffiles });
  if (text === undefined) throw invalidControl(item, "control", "it has no stanza");
  return text;
}

/** What `dpkg --add-architecture` leaves: the native one, then the others; undefined where nothing is added. */
function foreignArchitectures(input: DatabaseInput): string | undefined {
  const known = readText(input, "arch")
    .split("\n")
    .filter((line) => line !== "");
  const all = new Set([...known, input.architecture]);
  for (const { locked } of input.packages) if (locked.architecture !== "all") all.add(locked.architecture);
  return all.size === Math.max(1, known.length) ? undefined : [...all].map((name) => `${name}\n`).join("");
}

/**
 * What apt remembers of packages that came because others need them, so that it may take them away again.
 * A bootstrap lays the Essential set by dpkg alone, so apt knows nothing of that.
 */
function extendedStates({
  before,
  after,
  packages,
  contents,
  architecture: native,
}: DatabaseInput): OwnedEntry | undefined {
  const path = parsePath("var/lib/apt/extended_states");
  const essential = withDependencies(
    packages.filter(({ isEssential }) => isEssential),
    packages,
  );
  const isAsked = ({ by }: DescribedPackage["locked"]): boolean => by.includes("spec") || by.includes("base");
  const automatic = packages.filter((item) => !isAsked(item.locked) && !essential.has(item));
  if (automatic.length === 0 || !after.has(parsePath("var/lib/apt"))) return undefined;
  const known = before.get(path);
  const text = known?.type === "file" ? Buffer.from(contents.read(known.content)).toString("utf8") : "";
  const stanzas = automatic.map(({ locked }) => {
    const { name } = locked;
    const architecture = locked.architecture === "all" ? native : locked.architecture;
    return `Package: ${name}\nArchitecture: ${architecture}\nAuto-Installed: 1\n\n`;
  });
  return {
    entry: fileEntry(path, Buffer.from(`${text}${stanzas.join("")}`, "utf8"), contents),
    owner: "@apt",
  };
}
